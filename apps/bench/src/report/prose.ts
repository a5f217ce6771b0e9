import type { Group, PageName } from '../scenarios/scenario.ts'

/** How the figures of a page are read. */
export const reading: Readonly<Record<PageName, string>> = {
  process: `A figure is a speed as a multiple of the yardstick's that ran beside it in the same process: 2 is twice as fast. Below it stand the quartiles of all rounds. **Bold** is the fastest of a column, loops written by hand aside. tidings isolates the errors of handlers in every figure; of its peers here, only emittery, EventTarget and rxjs do so.

- **hot**: one topic in a fresh process. Published benchmarks measure this.
- **warmed**: the library was used on 3 other instances, 24 topics each, 0 to 5 handlers, other payloads, as in an application.
- **real**: as warmed, with handlers that read and write a Map and hash a text, about 25 ns each.
- **changed**: as hot, but a subscription is exchanged once the publishing code is compiled.
- **constant**: as warmed, but instance and topic are constants to the publishing code, as in a module that makes its own emitter. Everywhere else they are handed to it. The compiler then looks some emitters' handlers up only once.`,
  sqlite: `A figure is a speed as a multiple of the yardstick's that ran beside it in the same process: 2 is twice as fast. Below it stand the quartiles of all rounds, then the events a second, which the disk is part of, and the CPU time of all threads for one of them, which it is not. **Bold** is the fastest of a column, loops written by hand aside.`,
  brokers: `A figure is a speed as a multiple of the yardstick's that ran beside it in the same process: 2 is twice as fast. Below it stand the quartiles of all rounds, then the events a second, which the server is part of, and the CPU time of all threads of the client for one of them, which it is not. **Bold** is the fastest of a column, loops written by hand aside.`,
}

export const barsNote =
  '*At least* is what the design asks for, and the last column says whether it is reached: *at the bar* is what lies within 5 % of it, by which two runs on one machine differ. Where it is known not to be, *held instead* is the number under which the check in CI fails.'

/** How what is on a page is measured. */
export const method: Readonly<Record<PageName, string>> = {
  process: `Each contestant, scenario and round gets a process of its own, which holds the contestant and the yardstick. They take turns of about a millisecond, 31 each, after a warm-up; the 20th percentile of each counts. The processes run one at a time in random order, so that a busy machine falls on all alike. Each contestant has a loop and handlers generated for it, with code of their own: none runs on what the compiler learned from another. Deliveries are counted before and after, and a wrong count ends the measurement. Our packages are measured as published: JavaScript from their \`dist\`.`,
  sqlite: `Each contestant, scenario and round gets a process of its own, which holds the contestant and the yardstick: they take turns of about 60 ms, all of which are added up, checkpoints included. The processes run one at a time in random order, so that a busy machine falls on all alike. What both have written is read back at the end, rows and sums, and a wrong number ends the measurement. Our packages are measured as published: JavaScript from their \`dist\`.`,
  brokers: `One server of each kind runs for the whole bench, on the same machine. Each contestant, scenario and round gets a process of its own, which holds the contestant and the yardstick: they take turns of about 60 ms, all of which are added up. Each has places of its own on the server. An event is JSON of 300 bytes with the attributes of CloudEvents as headers. What was confirmed is counted on the server at the end, and a wrong number ends the measurement. What is consumed waited there before.`,
}

/** What a chapter needs to be understood. */
export const notes: Partial<Record<Group, string>> = {
  publish:
    'By handle: `dispatcher.topic(key).publish(payload)`. By definition: `dispatcher.publish(definition, payload)`, the definition from `eventType`. EventTarget makes a `CustomEvent` for each publish, since a payload needs one.',
  subscriptions:
    'nanoevents takes its recipe for `once` from its README. mitt, mini-signals and HookableCore have none.',
  async:
    'Of the peers, only emittery and `Promise.allSettled` let the other handlers go on when one fails, as tidings does.',
  bus: 'One process publishes to a bus on `memory()` and handles what it publishes, in order by 1,000 keys: each event is made, validated, encoded, confirmed, decoded, validated once more, handled and settled. The handler counts, and no more. The time of all threads counts, that of the garbage collector included, so that the figure is what one core can do. Events are published so many at a time, and all of them awaited. A slow consumer is one whose handlers take a turn of a timer, 100 at a time. What waits for a retry are 1,000 events that fail whenever they are tried, each of a key of its own or all without one, under the default policy: each has failed once, and the race ends before it is tried again. The others are handled by the same handler of the same group.',
  sqlite:
    'All files stand in one folder of one file system, which the head of this report names, and all but Emmett have the same settings: WAL, pages of 8 KiB, a checkpoint every 4,000 pages, `FULL` (a commit is on the disk when it is confirmed) or `NORMAL` (some commits later). What is in flight is so many callers, each of whom waits for its own before it goes on. plainjob has a table and rows of its own; it sets NORMAL itself, and is set to FULL after that. Emmett opens a connection for each call unless it is handed one; both are measured, with pages of 4 KiB, since it turns WAL on before anything else can be set, and the first with a checkpoint every 1,000 pages. Of its release that is measured the appends of several callers on one connection share a transaction, so that one that fails takes the others with it.',
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
