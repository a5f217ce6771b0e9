import type { Held } from './bars.ts'

/** What is held in the place of a bar of the design that is known to be missed, and the reason. */
export interface Concession {
  /** What the check holds: below what the machines have measured that it ran on, quiet or busy. */
  readonly held: Held
  /** One sentence that says why the design's number is missed. */
  readonly why: string
  /** What was tried, in a few sentences. */
  readonly tried: string
  /** The scenario that shows what each guarantee costs. */
  readonly ablation: string
}

const byHandle = 'ablation-handle'
const byDefinition = 'ablation-definition'

/** By the id of the bar. A bar that comes to hold on every machine leaves this list; the check hints at it. */
export const concessions: Readonly<Record<string, Concession>> = {
  'handle-1': {
    held: { atLeast: 2 },
    why: 'To isolate errors and to watch promises is free; what takes more than half of the lead is the count of nested publishes, which each publish stores and the next one reads.',
    tried:
      'In a field, in a variable of the module and in a cell of a typed array it costs the same. To restore what was read on entry, and not to count down, gained an eighth: 3.6 times node:events in the place of 3.2, on an EPYC processor. A loop by hand that isolates errors and counts nothing reaches 4.2.',
    ablation: byHandle,
  },
  'definition-1': {
    held: { atLeast: 0.95 },
    why: 'One function serves all topics, so that no handler is inlined: with nothing guaranteed it reaches 1.45. To count nested publishes takes 0.2 of it, to look at what a key may be nearly as much.',
    tried:
      'A handler that is alone is called without a loop, which gained a tenth. Without the look at the type of the key it would be 1.15, but a publish by string would take 17 ns in the place of 14.4.',
    ablation: byDefinition,
  },
  'definition-3': {
    held: { atLeast: 0.92 },
    why: 'As with one handler.',
    tried:
      'The loop does not look for a change after each handler any more: a change ends it. One `try` around the whole loop, which resumes it, and the loop unrolled gained nothing.',
    ablation: byDefinition,
  },
  'definition-topics': {
    held: { atLeast: 0.88 },
    why: 'At random among 1,000 topics, guarantees hardly matter: the variants that keep none of them are no faster.',
    tried: 'A subscription has become smaller, and the check after each handler is gone: 0.91 became about 1.',
    ablation: byDefinition,
  },
  'async-promise-all': {
    held: { atLeast: 1.25 },
    why: 'A countdown alone reaches 1.6. To count what is in flight, for `drain`, takes 0.1 of it, and what our own does besides, for all the features that may be asked for, as much again: it lies at the bar, now above it and now below.',
    tried:
      'The promise that follows the last handler is the result, so that there is one promise less. With all bookkeeping left out our own takes 210 ns in the place of 217. Countdowns that are used again reach 1.55, but a `then` that calls twice would end the publish of somebody else.',
    ablation: 'ablation-async',
  },
  iterator: {
    held: { atLeast: 1.05 },
    why: 'An array that is read by `next` reaches 1.2 to 1.4 and no more, since the promise that the language asks for takes most of the time: about 2 ns are left for the publish.',
    tried:
      'The ring, waiting readers and the end of a stream cost nothing to speak of; to come by way of a dispatcher does. A handler that is alone is called without a loop, which took 6 ns of 72.',
    ablation: 'ablation-iterator',
  },
}
