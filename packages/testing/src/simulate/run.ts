import { type Bus, createBus, OutcomeUnknownError } from '@tidings/bus'
import { milliseconds } from '@tidings/core'
import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import { chance } from '../harness/chance.ts'
import { activeResources, realNow, realPause, turns } from '../harness/real-turn.ts'
import { realWork } from '../harness/real-work.ts'
import type { Client, Run, Simulated } from './app.ts'
import { brokerKinds, SimulatedBroker, type Stage } from './broker.ts'
import { simulatedTransport } from './connection.ts'
import { Counts } from './counts.ts'
import type { Decision, Decisions } from './decisions.ts'
import { Ledger } from './ledger.ts'
import { Life } from './life.ts'
import { silent, SimulatedProcess, source } from './process.ts'
import { Timeline } from './timeline.ts'
import { type Step, Trace } from './trace.ts'

/** What a run came to. */
export interface Outcome {
  readonly failure: Failure | undefined
  readonly decisions: readonly Decision[]
  /** Empty where it was not traced. */
  readonly steps: readonly Step[]
  readonly handlings: number
  /** How long it was, in steps of the timeline. */
  readonly length: number
}

export interface Failure {
  readonly invariant: string
  readonly reason: string
  readonly cause: unknown
}

/** The names of what is checked besides the application's invariants. */
const ours = {
  conservation: 'every event is handled, a dead letter, or still queued, and in the order of its key',
  settlement: 'what follows from an attempt is done when it has succeeded, and attempts are counted',
  drive: 'the client comes to its end',
  start: 'the process starts',
  rest: 'the application comes to rest',
} as const

const begin = Date.UTC(2026, 0)
const maxSteps = 10_000
/** Real milliseconds for which nothing happens before a handler is taken to wait for the time. */
const grace = 25
/** The same while something real is open. */
const patience = 2000
/** The same while the thread pool has work: it comes to its end, unless it reads what nobody writes. */
const patienceWithThreadPool = 60_000
/** The same while an inbox is asked, on a socket perhaps that was open before; a run of many shows one that never answers. */
const patienceWithInbox = 250
const maxPublishes = 100

/** Runs an application once, as it is decided. */
export async function runOnce<World>(
  app: Simulated<World>,
  seed: number,
  decisions: Decisions,
  traced: boolean,
): Promise<Outcome> {
  const timeline = new Timeline(begin)
  const trace = new Trace(traced, () => timeline.now() - begin)
  const kind = chance(seed + 3).pick(app.brokers ?? brokerKinds)!
  const ledger = new Ledger(trace, kind)
  const stage: Stage = { timeline, decisions, trace, ledger, counts: new Counts(), kind }
  trace.say(() => `the broker is a ${kind}`)
  const broker = new SimulatedBroker(stage)
  const world = app.world()
  const process = new SimulatedProcess(stage, broker, app, world, chance(seed + 1))
  const failure = await played(stage, broker, app, world, process, seed)
  const { taken } = decisions
  const { steps } = trace
  const found = alreadyBroken(stage, failure) ?? failure ?? (await broken(app, world, stage, broker, process))
  process.life?.loseConnection()
  return { failure: found, decisions: taken, steps, handlings: ledger.handlings.length, length: timeline.taken }
}

/** Lets everything happen until nothing does any more. */
async function played<World>(
  stage: Stage,
  broker: SimulatedBroker,
  app: Simulated<World>,
  world: World,
  process: SimulatedProcess<World>,
  seed: number,
): Promise<Failure | undefined> {
  const { timeline } = stage
  try {
    await process.start()
  } catch (error) {
    return failed(ours.start, error)
  }
  const driving = { ended: false, failure: undefined as { readonly error: unknown } | undefined }
  const client = await careful(stage, broker, world, seed)
  void app.drive(client).then(
    () => (driving.ended = true),
    (error: unknown) => (driving.failure = { error }),
  )
  const resources = activeResources()
  const state = (): string =>
    [
      timeline.next,
      process.life?.changes,
      stage.ledger.published.length,
      driving.ended,
      driving.failure !== undefined,
    ].join()
  /** The state in which real waiting was in vain. */
  let inVain = ''
  for (let step = 0; step < maxSteps; step++) {
    await turns(1)
    if (driving.failure) return failed(ours.drive, driving.failure.error)
    if (process.failure) return failed(ours.start, process.failure.error)
    const { next } = timeline
    const { life } = process
    const waitsForReal = next === undefined ? !driving.ended || isBusy(life) : next > timeline.now() && isBusy(life)
    if (waitsForReal && state() !== inVain) {
      const before = state()
      if (await changes(state, before, resources, life)) continue
      inVain = before
    }
    if (next !== undefined) timeline.step()
    else if (driving.ended) return undefined
    else return failed(ours.drive, new Error('it waits for something that never comes'))
  }
  return failed(ours.rest, new Error(`it has not after ${maxSteps} steps: events may cause each other without end`))
}

/** Whether a handler or an inbox waits for something that is not simulated. */
function isBusy(life: Life | undefined): boolean {
  return life !== undefined && !life.dead && life.running + life.asked > 0 && life.waits === 0
}

/** Really waits for a change; false when there is none in time. */
async function changes(
  state: () => string,
  before: string,
  resources: number,
  life: Life | undefined,
): Promise<boolean> {
  const since = realNow()
  const bound = (): number => {
    if (realWork.computes) return patienceWithThreadPool
    if (activeResources() > resources) return patience
    return life !== undefined && life.asked > 0 ? patienceWithInbox : grace
  }
  for (let turn = 0; realNow() - since < bound(); turn++) {
    if (turn > 20) await realPause(1)
    else await turns(1)
    if (state() !== before) return true
  }
  return false
}

/** Why it did not come to rest, where the books know. */
function alreadyBroken({ ledger: { disorder, miscounts } }: Stage, failure: Failure | undefined): Failure | undefined {
  if (failure?.invariant !== ours.rest) return undefined
  if (disorder.length > 0) return failed(ours.conservation, new Error(disorder[0]))
  return miscounts.length > 0 ? failed(ours.settlement, new Error(miscounts[0])) : undefined
}

/** A client that publishes again what may not have arrived. */
async function careful<World>(
  stage: Stage,
  broker: SimulatedBroker,
  world: World,
  seed: number,
): Promise<Client<World>> {
  const life = new Life(
    stage.timeline,
    () => {},
    () => {},
  )
  const bus = await createBus({
    source,
    transport: simulatedTransport(stage, broker, life, 'client'),
    observer: { published: (event) => stage.ledger.confirms(event) },
    log: silent,
    clock: life.clock,
    publishTimeout: Infinity,
  })
  const by = chance(seed + 2)
  const publish = async (...args: unknown[]): Promise<TidingsEvent> => {
    let given = args
    for (let time = 1; ; time++) {
      try {
        return await (bus.publish as (...args: unknown[]) => Promise<TidingsEvent>).apply(bus, given)
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError) || error.event === undefined || time === maxPublishes) throw error
        given = [error.event]
      }
    }
  }
  return {
    world,
    // What the overloads say of the types, they say to the caller.
    publish: publish as unknown as Bus['publish'],
    transaction: (of, run) => bus.transaction(of, run),
    deadLetters: bus.deadLetters,
    random: () => by.next(),
    pause: (duration) => life.wait(milliseconds(duration, 'duration')),
  }
}

/** The first invariant that does not hold, ours first. */
async function broken<World>(
  app: Simulated<World>,
  world: World,
  { ledger }: Stage,
  broker: SimulatedBroker,
  process: SimulatedProcess<World>,
): Promise<Failure | undefined> {
  const isQueued = (group: string, id: string): boolean => broker.isQueued(group, id)
  const [violation] = [...ledger.violations(isQueued), ...broker.violations]
  if (violation !== undefined) return failed(ours.conservation, new Error(violation))
  const [half] = ledger.halves(isQueued)
  if (half !== undefined) return failed(ours.settlement, new Error(half))
  const run: Run = {
    // One definition made all events of a type.
    published: <Definition extends AnyDefinedEvent>({ type }: Definition) =>
      ledger.published.filter((event) => event.type === type) as EventOf<Definition>[],
    handled: <Definition extends AnyDefinedEvent>({ type }: Definition, group?: string) =>
      ledger.handlings.flatMap(({ event, group: by }) =>
        event.type === type && (group === undefined || group === by) ? [event] : [],
      ) as EventOf<Definition>[],
    deadLetters: broker.letters.list({ limit: Infinity }),
    database: broker.database.snapshot(),
    crashes: process.crashes,
  }
  for (const [name, invariant] of Object.entries(app.invariants)) {
    try {
      if ((await invariant(world, run)) === false) return failed(name, new Error('it is false'))
    } catch (error) {
      return failed(name, error)
    }
  }
  return undefined
}

function failed(invariant: string, cause: unknown): Failure {
  return { invariant, reason: cause instanceof Error ? cause.message : String(cause), cause }
}
