import { groups, pages, type PageName, type Scenario } from '../scenarios/scenario.ts'
import { count, figure, nanoseconds } from './plot.ts'
import type { Plot } from './plots.ts'
import { barsNote, method, notes, reading } from './prose.ts'
import { type Ahead, best, others, peersAhead, type Report, type Result, resultOf } from './report.ts'
import { figureOf, markdownTable, spread } from './table.ts'
import { loadTable, missedList, nodeTable, verdictTable } from './verdicts.ts'

/** A report as a page; its plots stand in the folder that has the name of its file. */
export function markdownOf(
  report: Report,
  scenarios: readonly Scenario[],
  plots: readonly Plot[],
  page: PageName,
): string {
  const measured = scenarios.filter(({ id }) => report.results.some(({ scenario }) => scenario === id))
  const chapters = Object.keys(groups)
    .map((group) => measured.filter((scenario) => scenario.group === group))
    .filter((members) => members.length > 0)
    .map((members) => chapterOf(members, report, plots, pages[page].file))
  const { verdicts, loaded, nodes } = report
  const shown = verdicts.filter(({ outcome }) => report.mode !== 'partial' || outcome !== 'not measured')
  const missed = missedList(shown, scenarios)
  return [
    `# ${pages[page].title}`,
    introduction(report, page),
    '## Our bars',
    barsNote,
    verdictTable(shown, scenarios),
    ...(missed === '' ? [] : ['### Why bars are missed', missed]),
    ...(loaded ? ['### Verdicts, quiet and loaded', loadTable(verdicts, loaded)] : []),
    ...(nodes.length === 0 ? [] : ['### On other Nodes', nodeTable(verdicts, nodes, report.environment)]),
    '## Where a peer is ahead of us',
    aheadList(peersAhead(measured, report.results, best), peersAhead(measured, report.results, others)),
    '## How it is measured',
    method[page],
    ...chapters,
    ...(page === 'process' ? ['## Replay of the retail file', retail(report)] : []),
    ...(report.breakdowns.length === 0 ? [] : ['## What could not be measured', breakdowns(report)]),
    '## Versions',
    versions(report),
  ]
    .join('\n\n')
    .concat('\n')
}

function introduction({ mode, environment, rounds, seed, minutes }: Report, page: PageName): string {
  const { date, commit, node, v8, cpu, cores, memory, system, files, load } = environment
  const part = {
    full: '',
    quick: ' This is a quick run: it leaves out scenarios, columns and rounds.',
    partial: ' This run measured what it was asked for, and nothing else.',
  }[mode]
  return `Written by \`pnpm bench\`, which anyone can run: ${date.slice(0, 10)}, commit ${commit}, Node ${node} (V8 ${v8}), ${cpu}, ${cores} cores, ${memory} GiB, ${system}, temporary files on ${files}, load ${load[0]} before and ${load[1]} after, ${rounds} rounds in ${minutes} minutes, seed ${seed}.${part}

${reading[page]}`
}

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
