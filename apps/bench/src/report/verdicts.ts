import type { Scenario } from '../scenarios/scenario.ts'
import { type Concession, concessions } from './concessions.ts'
import { fails, fallsBehind, hintOf, likeness, type Verdict } from './judge.ts'
import { figure } from './plot.ts'
import type { Environment, Loaded, OtherNode } from './report.ts'
import { anchorOf, figureOf, markdownTable, spread, textTable, withSpread } from './table.ts'

const words: Readonly<Record<Verdict['outcome'], string>> = {
  holds: 'holds',
  near: '**at the bar**',
  missed: '**missed**',
  'not measured': 'not measured',
}

/** The bars of the design and what became of them. */
export function verdictTable(verdicts: readonly Verdict[], scenarios: readonly Scenario[]): string {
  return markdownTable(
    ['', 'at least', 'measured', 'held instead', 'a loop by hand', ''],
    verdicts.map((verdict) => [
      verdict.claim,
      barOf(verdict, scenarios),
      verdict.figure ? withSpread(verdict.figure) : '–',
      heldOf(verdict, scenarios),
      verdict.byHand === undefined ? '' : figure(verdict.byHand),
      words[verdict.outcome] + (fails(verdict) && verdict.held !== undefined ? ', **what is held, too**' : ''),
    ]),
  )
}

/** Why each bar is missed that is, and what was tried; empty where none is. */
export function missedList(
  verdicts: readonly Verdict[],
  scenarios: readonly Scenario[],
  reasons: Readonly<Record<string, Concession>> = concessions,
): string {
  return verdicts
    .filter(({ outcome }) => outcome === 'missed' || outcome === 'near')
    .map(({ id, claim, held }) => {
      const reason = reasons[id]
      if (!reason && held?.slower) return `- **${claim}**: this machine is slower than those that it holds on.`
      if (!reason) return `- **${claim}**: no reason is known; the bar was held when this list was written.`
      const title = scenarios.find((scenario) => scenario.id === reason.ablation)?.title ?? reason.ablation
      return `- **${claim}**: ${reason.why} ${reason.tried} Figures: [${title}](${anchorOf(title)}).`
    })
    .join('\n')
}

/** The verdicts on this machine as it was, and while its other cores were busy. */
export function loadTable(quiet: readonly Verdict[], { verdicts, busy, load }: Loaded): string {
  const cell = ({ figure: reached, outcome }: Verdict): string[] => [
    reached ? withSpread(reached) : '–',
    words[outcome],
  ]
  const rows = pairs(quiet, verdicts).map(([here, there]) => [
    here.claim,
    ...cell(here),
    ...cell(there),
    here.outcome === there.outcome ? '' : '**differs**',
  ])
  const differing = rows.filter((row) => row.at(-1) !== '').length
  const sum = differing === 0 ? 'All verdicts are the same.' : `${differing} of ${rows.length} verdicts differ.`
  return `With ${busy === 1 ? 'one process' : `${busy} processes`} that did nothing but keep a core busy; load ${load} at the end. ${sum}

${markdownTable(['', 'quiet', '', 'loaded', '', ''], rows)}`
}

/** The bars on this Node and on others. */
export function nodeTable(here: readonly Verdict[], nodes: readonly OtherNode[], { node }: Environment): string {
  const measured = here.filter(({ id }) => nodes.some(({ verdicts }) => find(verdicts, id)?.figure))
  const rows = measured.map((verdict) => [
    verdict.claim,
    figureOf(verdict.atLeast),
    verdict.figure ? withSpread(verdict.figure) : '–',
    ...nodes.map(({ verdicts }) => {
      const there = find(verdicts, verdict.id)
      if (!there?.figure) return '–'
      return withSpread(there.figure) + (fallsBehind(there, verdict) ? '<br>**behind**' : '')
    }),
  ])
  const behind = measured.flatMap((verdict) =>
    nodes.filter(({ verdicts }) => {
      const there = find(verdicts, verdict.id)
      return there !== undefined && fallsBehind(there, verdict)
    }),
  ).length
  const percent = Math.round((1 - likeness) * 100)
  const sum = behind === 0 ? 'None is.' : `${behind} of ${measured.length * nodes.length} are.`
  return `**Behind** is what lies more than ${percent} % under the figure of Node ${node}. ${sum}

${markdownTable(['', 'at least', node, ...nodes.map((each) => each.node)], rows)}`
}

/** For a terminal: each bar that was measured, what to do about it, and whether the check fails. */
export function verdictText(verdicts: readonly Verdict[], scenarios: readonly Scenario[]): string {
  const measured = verdicts.filter(({ outcome }) => outcome !== 'not measured')
  const rows = measured.map((verdict) => {
    const { atLeast, held, claim, figure: reached, instead } = verdict
    const beside = held?.against?.map(labelsOf(verdict.scenario, scenarios)).join(', ')
    return [
      fails(verdict) ? 'FAILS' : verdict.outcome,
      claim,
      reached ? figureOf(reached.median) : '–',
      reached ? spread(reached) : '',
      figureOf(atLeast),
      held === undefined ? '' : figureOf(held.atLeast),
      reached ? String(reached.rounds) : '',
      shortRival(verdict, scenarios) +
        (instead && beside !== undefined ? `; held against ${beside}, ${figureOf(instead.median)}` : ''),
    ]
  })
  const head = ['', '', 'measured', 'quartiles', 'at least', 'held', 'rounds', 'times the speed of']
  return [textTable([head, ...rows], [2, 3, 4, 5, 6]), ...measured.flatMap((verdict) => hintOf(verdict) ?? [])].join(
    '\n',
  )
}

function pairs(one: readonly Verdict[], two: readonly Verdict[]): [Verdict, Verdict][] {
  return one.flatMap((here) => {
    const there = find(two, here.id)
    return there && there.outcome !== 'not measured' ? [[here, there]] : []
  })
}

function find(verdicts: readonly Verdict[], id: string): Verdict | undefined {
  return verdicts.find((verdict) => verdict.id === id)
}

/** What a bar asks for: a multiple of somebody's speed, or, where there is nobody to be faster than, a number. */
function barOf(verdict: Verdict, scenarios: readonly Scenario[]): string {
  const { atLeast, scenario: id } = verdict
  const isRace = scenarios.some(({ id: each, kind }) => each === id && kind === 'race')
  return isRace ? `${figure(atLeast)} × ${rivalOf(verdict, scenarios)}` : figureOf(atLeast)
}

/** What is held instead, and of whom where that is another. */
function heldOf({ scenario, held, instead }: Verdict, scenarios: readonly Scenario[]): string {
  if (held === undefined) return ''
  if (!held.against) return figureOf(held.atLeast)
  const whom = held.against.map(labelsOf(scenario, scenarios)).join(', ')
  return `${figureOf(held.atLeast)} × ${whom}${instead ? ` (${figureOf(instead.median)})` : ''}`
}

function rivalOf(verdict: Verdict, scenarios: readonly Scenario[]): string {
  const { scenario: id, against, opponent } = verdict
  if (against === undefined || against.length === 1) return shortRival(verdict, scenarios)
  const label = labelsOf(id, scenarios)
  return `the fastest of ${against.map(label).join(', ')}${opponent === undefined ? '' : ` (here ${label(opponent)})`}`
}

/** Whom the figure is a multiple of. */
function shortRival({ scenario: id, against, opponent }: Verdict, scenarios: readonly Scenario[]): string {
  const rival = opponent ?? against?.[0]
  if (rival !== undefined) return labelsOf(id, scenarios)(rival)
  const scenario = scenarios.find((each) => each.id === id)
  return scenario?.kind === 'race' ? scenario.yardstick : ''
}

function labelsOf(id: string, scenarios: readonly Scenario[]): (name: string) => string {
  const scenario = scenarios.find((each) => each.id === id)
  return (name) => scenario?.contestants[name]?.label ?? name
}
