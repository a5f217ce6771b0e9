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
    why: 'Isolation is free, and so is the look at the bound of the nesting; what takes half of the lead is the count itself, which each publish stores and the next one reads.',
    tried:
      'Kept in a field of the dispatcher, in a variable of the module and in a cell of a typed array it costs the same: 4.2, 3.6 and 3.8 times node:events on an EPYC processor, where no count leaves 9.4.',
    ablation: byHandle,
  },
  'handle-3-real': {
    held: { atLeast: 0.9 },
    why: 'Three such handlers take some 80 ns, of which a publish has a few to save; the count takes what isolation leaves, 1.29.',
    tried: 'No way of counting that was tried for one handler gains here.',
    ablation: byHandle,
  },
  'definition-1': {
    held: { atLeast: 0.95 },
    why: 'One function serves all topics, so that no handler is inlined; what a key may be is looked at each time, and the publish is counted.',
    tried: 'Those two take it from 1.6 to 1.2, as the variants show; the last step, to our own, is not explained yet.',
    ablation: byDefinition,
  },
  'definition-3': {
    held: { atLeast: 0.92 },
    why: 'As with one handler, and after each handler it is looked at whether subscriptions have changed.',
    tried: 'With nothing guaranteed but the isolation of errors the variants reach 1.15.',
    ablation: byDefinition,
  },
  'definition-topics': {
    held: { atLeast: 0.88 },
    why: 'At random among 1,000 topics, guarantees hardly matter: the variants that keep none of them reach 1, too.',
    tried: 'No other way to store topics, lists and handlers was tried yet.',
    ablation: byDefinition,
  },
  'bus-idempotent': {
    held: { atLeast: 0.2, against: ['codec'] },
    why: 'To know 100,000 ids again, each is written into two maps and one list, and outlives two rounds of the collector.',
    tried:
      'No promise is made any more for an inbox that answers at once: 60,000 became 105,000 events on an EPYC processor.',
    ablation: 'ablation-bus',
  },
  'async-promise-all': {
    held: { atLeast: 1.25 },
    why: 'A countdown alone reaches 1.5, each guarantee takes a little of it, and all together leave 1.4.',
    tried:
      'One function for all rejections, in the place of one for each, which knows the name of its handler, would give 0.05.',
    ablation: 'ablation-async',
  },
  iterator: {
    held: { atLeast: 1.05 },
    why: 'An array that is read by `next` reaches 1.3 and no more: the rest is the promise that the language asks for.',
    tried:
      'The ring, waiting readers and the end of a stream cost nothing to speak of; to come by way of a dispatcher does.',
    ablation: 'ablation-iterator',
  },
}
