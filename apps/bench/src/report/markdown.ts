import { groups, type Group, type Scenario } from '../scenarios/scenario.ts'
import { count, figure, nanoseconds } from './plot.ts'
import type { Plot } from './plots.ts'
import { type Ahead, best, others, peersAhead, type Report, type Result, resultOf } from './report.ts'
import { figureOf, markdownTable, spread } from './table.ts'
import { loadTable, missedList, nodeTable, verdictTable } from './verdicts.ts'

/** The report as a page. `plots` are linked below `folder`. */
export function markdownOf(
  report: Report,
  scenarios: readonly Scenario[],
  plots: readonly Plot[],
  folder: string,
): string {
  const measured = scenarios.filter(({ id }) => report.results.some(({ scenario }) => scenario === id))
  const chapters = Object.keys(groups)
    .map((group) => measured.filter((scenario) => scenario.group === group))
    .filter((members) => members.length > 0)
    .map((members) => chapterOf(members, report, plots, folder))
  const { verdicts, loaded, nodes } = report
  const shown = verdicts.filter(({ outcome }) => report.mode !== 'partial' || outcome !== 'not measured')
  const missed = missedList(shown, scenarios)
  return [
    '# Benchmarks',
    introduction(report),
    '## Our bars',
    barsNote,
    verdictTable(shown, scenarios),
    ...(missed === '' ? [] : ['### Why bars are missed', missed]),
    ...(loaded ? ['### Verdicts, quiet and loaded', loadTable(verdicts, loaded)] : []),
    ...(nodes.length === 0 ? [] : ['### On other Nodes', nodeTable(verdicts, nodes, report.environment)]),
    '## Where a peer is ahead of us',
    aheadList(peersAhead(measured, report.results, best), peersAhead(measured, report.results, others)),
    '## How it is measured',
    method,
    ...chapters,
    '## Replay of the retail file',
    retail(report),
    ...(report.breakdowns.length === 0 ? [] : ['## What could not be measured', breakdowns(report)]),
    '## Versions',
    versions(report),
  ]
    .join('\n\n')
    .concat('\n')
}

function introduction({ mode, environment, rounds, seed, minutes }: Report): string {
  const { date, commit, node, v8, cpu, cores, memory, system, files, load } = environment
  const part = {
    full: '',
    quick: ' This is a quick run: it leaves out scenarios, columns and rounds.',
    partial: ' This run measured what it was asked for, and nothing else.',
  }[mode]
  return `Written by \`pnpm bench\`, which anyone can run: ${date.slice(0, 10)}, commit ${commit}, Node ${node} (V8 ${v8}), ${cpu}, ${cores} cores, ${memory} GiB, ${system}, temporary files on ${files}, load ${load[0]} before and ${load[1]} after, ${rounds} rounds in ${minutes} minutes, seed ${seed}.${part}

A figure is a speed as a multiple of the yardstick's that ran beside it in the same process: 2 is twice as fast. Below it stand the quartiles of all rounds. **Bold** is the fastest of a column, loops written by hand aside. tidings isolates the errors of handlers in every figure; of its peers here, only emittery, EventTarget and rxjs do so.

- **hot**: one topic in a fresh process. Published benchmarks measure this.
- **warmed**: the library was used on 3 other instances, 24 topics each, 0 to 5 handlers, other payloads, as in an application.
- **real**: as warmed, with handlers that read and write a Map and hash a text, about 25 ns each.
- **changed**: as hot, but a subscription is exchanged once the publishing code is compiled.
- **constant**: as warmed, but instance and topic are constants to the publishing code, as in a module that makes its own emitter. Everywhere else they are handed to it. The compiler then looks some emitters' handlers up only once.`
}

const barsNote =
  '*At least* is what the design asks for, and the last column says whether it is reached: *at the bar* is what lies within 5 % of it, by which two runs on one machine differ. Where it is known not to be, *held instead* is the number under which the check in CI fails.'

const method = `Each contestant, scenario and round gets a process of its own, which holds the contestant and the yardstick. They take turns of about a millisecond, 31 each, after a warm-up; the 20th percentile of each counts. The processes run one at a time in random order, so that a busy machine falls on all alike. Each contestant has a loop and handlers generated for it, with code of their own: none runs on what the compiler learned from another. Deliveries are counted before and after, and a wrong count ends the measurement. Our packages are measured as published: JavaScript from their \`dist\`.`

function chapterOf(members: readonly Scenario[], report: Report, plots: readonly Plot[], folder: string): string {
  const group = members[0]!.group
  const parts = members.map((scenario) =>
    [
      `### ${scenario.title}`,
      ...plots
        .filter((plot) => plot.scenario === scenario.id)
        .map((plot) => `![${plot.alternative}](${folder}/${plot.file})`),
      tableOf(scenario, report.results),
      summaryOf(scenario, report.results),
    ]
      .filter((part) => part !== '')
      .join('\n\n'),
  )
  return [`## ${groups[group]}`, ...(notes[group] ? [notes[group]] : []), ...parts].join('\n\n')
}

const notes: Partial<Record<Group, string>> = {
  publish:
    'By handle: `dispatcher.topic(key).publish(payload)`. By definition: `dispatcher.publish(definition, payload)`, the definition from `eventType`. EventTarget makes a `CustomEvent` for each publish, since a payload needs one.',
  subscriptions:
    'nanoevents takes its recipe for `once` from its README. mitt, mini-signals and HookableCore have none.',
  async:
    'Of the peers, only emittery and `Promise.allSettled` let the other handlers go on when one fails, as tidings does.',
  bus: 'One process publishes to a bus on `memory()` and handles what it publishes, in order by 1,000 keys: each event is made, validated, encoded, confirmed, decoded, validated once more, handled and settled. The handler counts, and no more. The time of all threads counts, that of the garbage collector included, so that the figure is what one core can do. Events are published so many at a time, and all of them awaited. A slow consumer is one whose handlers take a turn of a timer, 100 at a time. What waits for a retry are 1,000 events that fail whenever they are tried, each of a key of its own or all without one, under the default policy: each has failed once, and the race ends before it is tried again. The others are handled by the same handler of the same group.',
  sqlite:
    'All files stand in one folder of one file system, which the head of this report names, and all but Emmett have the same settings: WAL, pages of 8 KiB, a checkpoint every 4,000 pages, `FULL` (a commit is on the disk when it is confirmed) or `NORMAL` (some commits later). What is in flight is so many callers, each of whom waits for its own before it goes on. The yardstick shares a process with the contestant and takes turns of about 60 ms with it, all of which are added up, checkpoints included; what both have written is read back at the end, rows and sums, and a wrong number ends the measurement. Below a figure stand the events a second, which the disk is part of, and the CPU time of all threads for one of them, which it is not. plainjob has a table and rows of its own; it sets NORMAL itself, and is set to FULL after that. Emmett opens a connection for each call unless it is handed one; both are measured, with pages of 4 KiB, since it turns WAL on before anything else can be set, and the first with a checkpoint every 1,000 pages. Of its release that is measured the appends of several callers on one connection share a transaction, so that one that fails takes the others with it.',
  creation:
    '`jitless` is zod without generated code, as under a strict content security policy. The yardstick only parses.',
  features:
    'The yardstick is that of the same scenario without features. A hook that has nothing to do, a bound that is not reached, a pattern that does not match and one that does are to cost nothing: their rows equal `no options`. The others state what the feature costs while it is used.',
  ablations:
    'Our own code, and the same code written anew without what keeps its guarantees: each row adds one to those above it, and the last is what we publish. So the step between two rows is what a guarantee costs. Bars that are missed refer to these tables.',
  growth:
    'Each contestant races itself at 10, so a figure of 1 means that the number does not matter, and 0.5 that an operation takes twice as long. Nanoseconds stand below.',
  memory: 'Handlers and names exist before; smaller is better. The last column keeps what subscribing returned.',
}

function tableOf(scenario: Scenario, results: readonly Result[]): string {
  const columns = scenario.columns.filter((column) =>
    results.some((result) => result.scenario === scenario.id && result.column === column),
  )
  const growth = scenario.group === 'growth'
  const head = ['', ...columns.map((column) => (growth ? count(Number(column)) : column))]
  const rows = Object.entries(scenario.contestants)
    .map(([contestant, { label, side }]) => {
      const cells = columns.map((column) => resultOf(results, { scenario: scenario.id, column, contestant }))
      return { label: side === 'hand' ? `*${label}*` : label, cells, contestant }
    })
    .filter(({ cells }) => cells.some((cell) => cell !== undefined))
  const fastest = columns.map((_, at) => {
    const ranked = rows.filter(({ contestant }) => scenario.contestants[contestant]?.side !== 'hand')
    const figures = ranked.flatMap(({ cells }) => cells[at]?.figure.median ?? [])
    return scenario.kind === 'memory' ? Math.min(...figures) : Math.max(...figures)
  })
  const lines = rows.map(({ label, cells, contestant }) => [
    label,
    ...cells.map((cell, at) => {
      if (!cell) return scenario.leftOut?.(contestant, columns[at] ?? '') ? 'left out' : '–'
      const bold = !growth && !unranked(scenario) && cell.figure.median === fastest[at]
      return cellOf(cell, scenario, bold)
    }),
  ])
  if (scenario.kind === 'race' && !growth) {
    const scale = columns.map((column) => {
      const all = results.filter((result) => result.scenario === scenario.id && result.column === column)
      const times = all.flatMap(({ yardstick }) => yardstick ?? []).toSorted((a, b) => a - b)
      const cpus = all.flatMap(({ cpu }) => cpu?.yardstick ?? []).toSorted((a, b) => a - b)
      const text = nanoseconds(times[Math.floor(times.length / 2)] ?? Number.NaN)
      return cpus.length === 0 ? text : `${text}<br><sub>CPU ${nanoseconds(cpus[Math.floor(cpus.length / 2)]!)}</sub>`
    })
    lines.push([`*1 is ${scenario.yardstick}; one ${scenario.unit} takes it*`, ...scale])
  }
  return markdownTable(head, lines)
}

/** Whether rows are forms of one thing, not rivals. */
function unranked({ group, kind }: Scenario): boolean {
  return group === 'features' || group === 'ablations' || group === 'bus' || (group === 'sqlite' && kind === 'meter')
}

function cellOf({ figure: value, nanoseconds: ns, cpu }: Result, scenario: Scenario, bold: boolean): string {
  const text = scenario.kind === 'memory' ? value.median.toFixed(0) : figureOf(value.median)
  const below =
    scenario.group === 'growth' ? nanoseconds(ns ?? Number.NaN) : scenario.kind === 'memory' ? '' : spread(value)
  if (scenario.kind === 'race' && scenario.onDisk && ns !== undefined) {
    const rate = `${count(Math.round(1e9 / ns))}/s, CPU ${nanoseconds(cpu?.contestant ?? Number.NaN)}`
    return `${bold ? `**${text}**` : text}<br><sub>${below}<br>${rate}</sub>`
  }
  return `${bold ? `**${text}**` : text}${below === '' ? '' : `<br><sub>${below}</sub>`}`
}

/** Who is fastest, in a sentence, or what was left out. */
function summaryOf(scenario: Scenario, results: readonly Result[]): string {
  const { columns, contestants, leftOut } = scenario
  const left = leftOut
    ? Object.keys(contestants).flatMap((contestant) => columns.flatMap((column) => leftOut(contestant, column) ?? []))
    : []
  const reasons = left.length === 0 ? '' : `Left out: ${[...new Set(left)].join('; ')}.`
  if (scenario.group === 'growth' || unranked(scenario)) return reasons
  const parts = columns.flatMap((column) => {
    const cells = results
      .filter((result) => result.scenario === scenario.id && result.column === column)
      .filter(({ contestant }) => contestants[contestant]?.side !== 'hand')
      .toSorted((a, b) => b.figure.median - a.figure.median)
    const first = scenario.kind === 'memory' ? cells.at(-1) : cells[0]
    return first ? `${column} ${contestants[first.contestant]?.label}` : []
  })
  return `${scenario.kind === 'memory' ? 'Smallest' : 'Fastest'}: ${parts.join('; ')}. ${reasons}`.trimEnd()
}

function aheadList(fastest: readonly Ahead[], slower: readonly Ahead[]): string {
  const list = fastest.length === 0 ? 'Nowhere, by the fastest of our forms.' : grouped(fastest)
  if (slower.length === 0) return list
  const summary = 'Peers ahead of those of our forms that are not our fastest'
  return `${list}\n\n<details>\n<summary>${summary}</summary>\n\n${grouped(slower)}\n\n</details>`
}

/** One line for each scenario and column and form of ours. */
function grouped(ahead: readonly Ahead[]): string {
  const lines = Map.groupBy(ahead, ({ scenario, column, ours }) => `${scenario.id} ${column} ${ours.contestant}`)
  return [...lines.values()]
    .map((members) => {
      const { scenario, column, ours } = members[0]!
      const shown = ({ contestant, figure: value }: Result): string =>
        `${scenario.contestants[contestant]?.label} ${scenario.kind === 'memory' ? `${value.median.toFixed(0)} B` : figure(value.median)}`
      const peers = members.map(({ peer, clear }) => `${shown(peer)}${clear ? '' : ' (within the spread)'}`)
      return `- ${scenario.title}, ${column}: ${peers.join(', ')}; ${shown(ours)}`
    })
    .join('\n')
}

function retail({ retail: replay }: Report): string {
  if ('leftOut' in replay) return `Left out: ${replay.leftOut}.`
  const { file, events, rejected, speed, memory, once, passes, repeated, flatness, durable } = replay
  const halves = ([first, second]: readonly [number, number]): string[] => [`${first} MiB`, `${second} MiB`]
  return `\`demo replay ${file} --json\`, one process on one core: ${count(events)} events, validated and published to the views of the demo, ${count(rejected)} rows rejected.

${markdownTable(
  ['', 'median', 'quartiles'],
  [
    [
      'events a second',
      count(Math.round(speed.median)),
      `${count(Math.round(speed.low))} to ${count(Math.round(speed.high))}`,
    ],
    ['peak memory', `${memory.median.toFixed(0)} MiB`, `${memory.low.toFixed(0)} to ${memory.high.toFixed(0)}`],
    [
      'rows a second into a file, FULL',
      count(Math.round(durable.speed.median)),
      `${count(Math.round(durable.speed.low))} to ${count(Math.round(durable.speed.high))}`,
    ],
  ],
)}

The last line is \`demo replay ${file} --data DIR\`: every row is an event of its invoice in an event store in a file, and all figures, which are read back from it, are those of ${durable.checked === 'memory' ? 'the replay in memory' : 'the truth file'}. Peak memory ${durable.memory.median.toFixed(0)} MiB.

Memory, looked at every 10 ms: the highest of each half of a run. The views remember every distinct row, invoice and customer, so that one pass grows by these. Over ${passes} passes, of which only the first has rows that are new, the first half reaches ${figure(flatness.median)} of the second.

${markdownTable(
  ['', 'first half', 'second half'],
  [
    ['one pass, resident', ...halves(once.resident)],
    ['one pass, heap in use', ...halves(once.heap)],
    [`${passes} passes, resident`, ...halves(repeated.resident)],
    [`${passes} passes, heap in use`, ...halves(repeated.heap)],
  ],
)}`
}

function breakdowns({ breakdowns }: Report): string {
  return breakdowns
    .map(
      ({ job, message }) => `- ${job.scenario}, ${job.column}, ${job.contestant}, round ${job.round + 1}: ${message}`,
    )
    .join('\n')
}

function versions({ environment }: Report): string {
  return Object.entries(environment.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
    .concat('.')
}
