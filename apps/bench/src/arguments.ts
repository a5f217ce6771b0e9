import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { groups, type PageName, pages, type Scenario } from './scenarios/scenario.ts'

/** What the command line asks for. */
export interface Request {
  readonly help: boolean
  readonly quick: boolean
  readonly check: boolean
  readonly json: boolean
  /** Scenarios to measure; undefined for all. */
  readonly only?: readonly Scenario[]
  /** The pages of the report that are asked for: all, or one. */
  readonly pages: readonly PageName[]
  readonly rounds: number
  readonly node: string
  /** Other Nodes that measure the bars, too. */
  readonly nodes: readonly string[]
  /** Whether the bars are measured once more while other cores are busy. */
  readonly loaded: boolean
  readonly seed: number
  readonly retail?: string
}

export const usage = `Usage: bench [options]

Measures tidings and its peers side by side and writes docs/benchmarks.md, in a quarter of an hour, and
docs/benchmarks-sqlite.md, in an hour or more, and docs/benchmarks-brokers.md, on real servers.

  --quick          the bars only, and those that they are held against, in a minute; writes no file
  --check          fails where a bar lies under what is held by more than its spread; writes no file
  --only NAME,...  these scenarios or groups only; prints the tables, writes no file
  --page NAME      one page of the report only, and writes it: ${Object.keys(pages).join(' or ')}
  --loaded         measures the bars once more while all other cores are busy
  --nodes LIST     measures the bars on other Nodes, too: versions, such as 22,26, got from npm, or paths
  --rounds N       fresh processes for each contestant and scenario; default 5. A bar that looks failed gets more
                   with --quick, --loaded and --nodes
  --node PATH      the Node that runs the measurements; default this one
  --retail FILE    replays this retail CSV file through the demo, too
  --seed N         the order of the processes; default drawn
  --json           prints the report as JSON on standard output
  --help           shows this text

Exit codes: 0 done; 1 a bar fails (with --check), or something could not be measured; 2 wrong usage;
130 stopped by Ctrl-C: nothing is written.
`

/** The request, or a sentence that says what is wrong with it. */
export function requestOf(args: readonly string[], scenarios: readonly Scenario[]): Request | string {
  let values
  try {
    values = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        page: { type: 'string' },
        rounds: { type: 'string' },
        node: { type: 'string', default: process.execPath },
        nodes: { type: 'string', default: '' },
        loaded: { type: 'boolean', default: false },
        seed: { type: 'string' },
        retail: { type: 'string' },
      },
    }).values
  } catch (error) {
    return (error as Error).message
  }
  const { help, quick, check, json, node, loaded, retail } = values
  const rounds = wholeNumber(values.rounds ?? '5')
  if (rounds === undefined || rounds < 1) return `--rounds must be a whole number above 0, received ${values.rounds}`
  const seed = wholeNumber(values.seed ?? String(Math.floor(Math.random() * 1e6)))
  if (seed === undefined) return `--seed must be a whole number, received ${values.seed}`
  const nodes = values.nodes.split(',').flatMap((name) => name.trim() || [])
  const missing = nodes.find((path) => !existsSync(path))
  if (missing !== undefined) return `--nodes: there is no Node ${missing}\n\`pnpm bench\` gets versions from npm.`
  const only = values.only === undefined ? undefined : named(values.only, scenarios)
  if (typeof only === 'string') return only
  const { page } = values
  if (page !== undefined && !(page in pages)) {
    return `--page: there is no page "${page}"\nPages: ${Object.keys(pages).join(', ')}.`
  }
  return {
    pages: page === undefined ? (Object.keys(pages) as PageName[]) : [page as PageName],
    help,
    quick,
    check,
    json,
    rounds,
    node,
    nodes,
    loaded,
    seed,
    ...(only ? { only } : {}),
    ...(retail === undefined ? {} : { retail }),
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}

/** The scenarios of a list of names. */
function named(list: string, scenarios: readonly Scenario[]): Scenario[] | string {
  const names = list.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !scenarios.some(({ id, group }) => id === name || group === name))
  if (unknown !== undefined) {
    const known = scenarios.map(({ id }) => id).join(', ')
    return `--only: there is no scenario "${unknown}"\nScenarios: ${known}.\nGroups: ${Object.keys(groups).join(', ')}.`
  }
  return scenarios.filter(({ id, group }) => names.includes(id) || names.includes(group))
}
