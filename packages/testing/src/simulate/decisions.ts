import type { Chance } from '../harness/chance.ts'

/** What may go wrong, and how often: the part of the chances that are taken, from 0 to 1. Every run has its own mix. */
export interface FaultRates {
  /** A message comes late, so that others overtake it (never of its own key, where the group keeps their order). */
  readonly reorder: number
  /** A message that was settled is delivered once more. */
  readonly duplicate: number
  /** The process dies: before a handler runs, in it, before or after each step of a settlement, but never within a commit. */
  readonly crash: number
  /** The process is closed and started anew, as a deployment does. */
  readonly restart: number
  /** A handler throws before it runs, or after all that it did. */
  readonly fail: number
  /** A publish, or a step of a settlement, ends with `OutcomeUnknownError`; the broker has it or not. */
  readonly loseConfirm: number
}

export const usualRates: FaultRates = {
  reorder: 0.15,
  duplicate: 0.04,
  crash: 0.02,
  restart: 0.01,
  fail: 0.04,
  loseConfirm: 0.04,
}

/** A fault that was chosen: where, and which. */
export type Decision = readonly [place: string, fate: string]

type Late = 'late-1' | 'late-50' | 'late-2000' | 'late-60000'

type AroundStep = 'lost' | 'confirm-lost' | 'crash-before' | 'crash-after'

/** The places at which something may go wrong, each with all that may. */
interface Fates {
  /** A message comes to a group. */
  readonly arrive: Late
  /** It is about to be handed out. */
  readonly handOut: 'crash' | 'restart'
  /** A handler is called with it. */
  readonly handle: 'fail-before' | 'fail-after'
  /** All of a settlement at once, where the broker is a store. */
  readonly commit: Late | AroundStep | 'duplicate' | 'duplicate-behind'
  /** The steps of a settlement where it is none: what a handler published goes to the broker. */
  readonly effect: Late | AroundStep
  /** A dead letter is added to its store. */
  readonly park: AroundStep
  /** What is tried again goes behind the others, as a copy. */
  readonly copy: AroundStep
  /** The inbox is told. */
  readonly mark: AroundStep
  /** A letter that was replayed goes from its store. */
  readonly removeLetter: AroundStep
  readonly ack: AroundStep | 'duplicate' | 'duplicate-behind'
  /** What is tried again waits for that, in its place, or on a store. */
  readonly later: AroundStep
  /** The process publishes something that is no part of a settlement. */
  readonly publish: Late | AroundStep
  readonly clientPublish: Late | 'confirm-lost' | 'lost'
  readonly pause: Late | 'crash'
}

type Place = keyof Fates
type Fate<At extends Place> = Fates[At]
/** Those of settlements. */
export type StepPlace = 'commit' | 'effect' | 'park' | 'copy' | 'mark' | 'removeLetter' | 'ack' | 'later'

const late = [['late-50', 'reorder']] as const
const aroundStep = [
  ['confirm-lost', 'loseConfirm'],
  ['lost', 'loseConfirm'],
  ['crash-before', 'crash'],
  ['crash-after', 'crash'],
] as const
const twice = [
  ['duplicate', 'duplicate'],
  ['duplicate-behind', 'duplicate'],
] as const

/** With the kind of fault that each counts as. */
const places: { readonly [At in Place]: readonly (readonly [Fates[At], keyof FaultRates])[] } = {
  arrive: [
    ['late-1', 'reorder'],
    ['late-50', 'reorder'],
    ['late-2000', 'reorder'],
    ['late-60000', 'reorder'],
  ],
  handOut: [
    ['crash', 'crash'],
    ['restart', 'restart'],
  ],
  handle: [
    ['fail-before', 'fail'],
    ['fail-after', 'fail'],
  ],
  commit: [...late, ...aroundStep, ...twice],
  effect: [...late, ...aroundStep],
  park: aroundStep,
  copy: aroundStep,
  mark: aroundStep,
  removeLetter: aroundStep,
  ack: [...aroundStep, ...twice],
  later: aroundStep,
  publish: [...late, ...aroundStep],
  clientPublish: [...late, ['confirm-lost', 'loseConfirm'], ['lost', 'loseConfirm']],
  pause: [...late, ['crash', 'crash']],
}

/** More of them make a run long, and find nothing that fewer do not. */
const maxCrashes = 4

/** Says what goes wrong where. */
export interface Decisions {
  /** `where` makes the name of this very place; it must be the same in a run that went the same way until here. */
  at<At extends Place>(place: At, where: () => string): Fate<At> | undefined
  /** All that was chosen, in order. */
  readonly taken: readonly Decision[]
}

/** Chooses by chance, and notes what it chose. */
export function explore(by: Chance, rates: FaultRates): Decisions {
  const taken: Decision[] = []
  // Some runs without one kind of fault, some with much of it: together they reach further than an even mix.
  const mix: Record<string, number> = {}
  for (const [kind, rate] of Object.entries(rates) as [string, number][]) mix[kind] = rate * by.pick([0, 0.3, 1, 2])
  let crashes = 0
  return {
    taken,
    at: (place, where) => {
      const fates = places[place]
      let left = by.next()
      for (const [fate, kind] of fates) {
        left -= mix[kind]! / fates.filter((other) => other[1] === kind).length
        if (left >= 0) continue
        if ((kind === 'crash' || kind === 'restart') && ++crashes > maxCrashes) return undefined
        taken.push([`${place} ${where()}`, fate])
        return fate
      }
      return undefined
    },
  }
}

/** Chooses what was chosen before, and nothing else. */
export function repeat(decisions: readonly Decision[]): Decisions {
  const known = new Map(decisions)
  const taken: Decision[] = []
  return {
    taken,
    at: (place, where) => {
      if (known.size === 0) return undefined
      const at = `${place} ${where()}`
      const fate = places[place].find(([name]) => name === known.get(at))?.[0]
      if (fate === undefined) return undefined
      // A place comes once; what the name is not unique for must not happen more often than it did.
      known.delete(at)
      taken.push([at, fate])
      return fate
    },
  }
}

/** The milliseconds of a fate such as `late-50`. */
export function lateness(fate: string | undefined): number {
  return fate?.startsWith('late-') ? Number(fate.slice('late-'.length)) : 0
}
