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

const inFile = 'ablation-sqlite'

/** One for both settings of a file. */
type Reason = Omit<Concession, 'held'>

const publishing: Reason = {
  why: 'The rows of the loop lie ready. To make an event, to validate it and to write it as text takes as long as to insert its row; a loop by hand that makes its rows, `made`, falls behind in the same way.',
  tried:
    'A commit has no generator any more, and a publish fewer promises. With `FULL` the disk, which both wait for, hides a part: 0.74 there and 0.64 with `NORMAL` on a quiet machine.',
  ablation: inFile,
}
const handling: Reason = {
  why: 'The loop handles nothing. Ours reads the event again from its text and validates it, keeps the order of its key, calls the handler with a context, decides and settles: on `memory()`, without any file, an event takes about 6 µs, as much as the loop takes for its row and its share of the disk.',
  tried:
    'Settlements share commits, and what is handed out behind a commit needs none of its own. To tell by callbacks rather than by promises took a fifth off the garbage that an event makes (8.7 to 7.1 kB). What is left are many small things.',
  ablation: inFile,
}
const marking: Reason = {
  why: 'A mark is a row more for each event. That the event is new is known by comparing ids, where they grow with time, so there is no question for it any more.',
  tried:
    'The question for each event took 6 µs and is gone, and so is a sweep of old messages that began at the first row each time: 0.56 became 0.76 to 0.97, by machine and load. To find a duplicate by an index of the log would take the mark away, but every publish would pay for the index.',
  ablation: inFile,
}
const appending: Reason = {
  why: 'The loop does the same work, and shares nothing: an append checks names, versions and events that are there already, and is confirmed to its caller alone.',
  tried:
    'Appends of a turn share a commit. A stream is asked for once rather than twice, the time of the log is at hand, and that an event is new is known by comparing ids: 0.70 became 0.75 with `FULL` and 0.82 to 0.90 with `NORMAL`.',
  ablation: inFile,
}

/** By the id of the bar. A bar that comes to hold on every machine leaves this list; the check hints at it. */
export const concessions: Readonly<Record<string, Concession>> = {
  'handle-1': {
    held: { atLeast: 0.68, against: ['loop'] },
    why: 'To isolate errors and to watch promises is free; what takes more than half of the lead is the count of nested publishes, which each publish stores and the next one reads.',
    tried:
      'In a field, in a variable of the module and in a cell of a typed array it costs the same. To restore what was read on entry, and not to count down, gained an eighth: 3.6 times node:events in the place of 3.2, on one EPYC processor. How far a loop by hand gets that isolates errors and counts nothing depends on the processor: 4.2 times node:events there, only 2.1 times the fastest peer on another. So what is held is a share of that; 0.86 and 0.88 were seen.',
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
  'sqlite-publish-full': { ...publishing, held: { atLeast: 0.6 } },
  'sqlite-publish-normal': { ...publishing, held: { atLeast: 0.48 } },
  'sqlite-handle-full': { ...handling, held: { atLeast: 0.15 } },
  'sqlite-handle-normal': { ...handling, held: { atLeast: 0.11 } },
  'sqlite-idempotent-full': { ...marking, held: { atLeast: 0.65 } },
  'sqlite-idempotent-normal': { ...marking, held: { atLeast: 0.65 } },
  'sqlite-append-full': { ...appending, held: { atLeast: 0.55 } },
  'sqlite-append-normal': { ...appending, held: { atLeast: 0.6 } },
}
