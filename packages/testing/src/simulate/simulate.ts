import { TidingsError } from '@tidings/core'
import { chance } from '../harness/chance.ts'
import { realWork } from '../harness/real-work.ts'
import type { Simulated } from './app.ts'
import { type BrokerKind, brokerKinds } from './broker.ts'
import { type Decision, type Decisions, explore, type FaultRates, repeat, usualRates } from './decisions.ts'
import { type Failure, type Outcome, runOnce } from './run.ts'
import { shrink } from './shrink.ts'
import { SimulationError } from './simulation-error.ts'

export interface SimulateOptions {
  /** Where all choices come from: the same seed, the same report. A whole number; default 1. */
  readonly seed?: number | undefined
  /** Schedules that are tried. Default 1000. */
  readonly runs?: number | undefined
  /** How often what goes wrong; a rate of 0 leaves a kind out. */
  readonly faults?: Partial<FaultRates> | undefined
  /** One schedule instead: what the message of an earlier failure gives. */
  readonly replay?: string | undefined
}

/** What a simulation without a failure came to. */
export interface SimulationReport {
  readonly seed: number
  readonly runs: number
  /** Calls of handlers that ended without an error, in all runs. */
  readonly handled: number
  /** What went wrong in all runs, by place and fate: `ack duplicate`, `publish crash-after`. */
  readonly faults: Readonly<Record<string, number>>
}

/**
 * Runs an application again and again on a simulated broker, each time on another schedule: messages late, twice or out
 * of order, handlers that fail, confirms that are lost, processes that die at any step and start anew. After each run
 * the invariants must hold, and ours: every event is handled, a dead letter or still queued for each of its groups, keys
 * stay in order, and nothing is handled that nobody published.
 *
 * The first failure is shrunk to the shortest schedule that fails in the same way.
 *
 * @example
 * await simulate({
 *   world: () => ({ charged: new Map<string, number>() }),
 *   start: (world) => ({ handlers: [billingOf(world)] }),
 *   drive: async ({ publish }) => { await publish(OrderPlaced, { orderId: 'o-1' }) },
 *   invariants: { 'an order is charged once': ({ charged }) => charged.get('o-1') === 1 },
 * })
 *
 * @throws SimulationError with the invariant, the seed, the schedule in words, and how to see it again
 */
export async function simulate<World>(app: Simulated<World>, options: SimulateOptions = {}): Promise<SimulationReport> {
  const { seed = 1, runs = 1000, replay } = options
  if (!Number.isSafeInteger(seed)) throw refused('seed', 'a whole number', seed)
  checkBrokers(app.brokers)
  if (!Number.isSafeInteger(runs) || runs < 1) throw refused('runs', 'a whole number from 1 on', runs)
  const rates = ratesOf(options.faults ?? {})
  const stopWatching = realWork.watch()
  try {
    return replay === undefined ? await explored(app, seed, runs, rates) : await replayed(app, replay)
  } finally {
    stopWatching()
  }
}

async function explored<World>(
  app: Simulated<World>,
  seed: number,
  runs: number,
  rates: FaultRates,
): Promise<SimulationReport> {
  const faults: Record<string, number> = {}
  let handled = 0
  for (let run = 1; run <= runs; run++) {
    const runSeed = seedOf(seed, run)
    const outcome = await runOnce(app, runSeed, explore(chance(runSeed), rates), false)
    if (outcome.failure) throw await shortest(app, seed, run, runSeed, outcome, outcome.failure)
    count(outcome, faults)
    handled += outcome.handlings
  }
  return { seed, runs, handled, faults }
}

async function replayed<World>(app: Simulated<World>, replay: string): Promise<SimulationReport> {
  const { seed, decisions } = decode(replay)
  const outcome = await runOnce(app, seed, repeat(decisions), true)
  if (outcome.failure) throw failureOf(outcome, outcome.failure, { seed, runSeed: seed, run: 0, found: decisions })
  const faults: Record<string, number> = {}
  count(outcome, faults)
  return { seed, runs: 1, handled: outcome.handlings, faults }
}

/** Of all runs by which a schedule is shrunk: a bound in steps keeps the report the same, on a slow machine too. */
const maxShrinkSteps = 150_000

async function shortest<World>(
  app: Simulated<World>,
  seed: number,
  run: number,
  runSeed: number,
  { decisions: found }: Outcome,
  { invariant }: Failure,
): Promise<SimulationError> {
  const again = (decisions: readonly Decision[], traced: boolean): Promise<Outcome> =>
    runOnce(app, runSeed, repeat(decisions), traced)
  let steps = 0
  const decisions = await shrink(found, async (candidate) => {
    if (steps > maxShrinkSteps) return false
    const { failure, length } = await again(candidate, false)
    steps += length
    return failure?.invariant === invariant
  })
  const outcome = await again(decisions, true)
  if (outcome.failure) return failureOf(outcome, outcome.failure, { seed, runSeed, run, found })
  const reason = 'it does so in some runs of one schedule only: something in it depends on real time or real chance'
  const cause = new Error(reason)
  return failureOf(outcome, { invariant, reason, cause }, { seed, runSeed, run, found })
}

function failureOf(
  { decisions, steps }: Outcome,
  { invariant, reason, cause }: Failure,
  about: { readonly seed: number; readonly runSeed: number; readonly run: number; readonly found: readonly Decision[] },
): SimulationError {
  const { seed, runSeed, run, found } = about
  const replay = encode(runSeed, decisions)
  return new SimulationError({ invariant, reason, seed, run, found, decisions, steps, replay }, cause)
}

function count({ decisions }: { readonly decisions: Decisions['taken'] }, faults: Record<string, number>): void {
  for (const [place, fate] of decisions) {
    const kind = `${place.slice(0, place.indexOf(' '))} ${fate}`
    faults[kind] = (faults[kind] ?? 0) + 1
  }
}

/** Runs have nothing in common, also those of seeds next to each other. */
function seedOf(seed: number, run: number): number {
  return Math.floor(chance(seed * 1_000_003 + run).next() * 2 ** 32)
}

/** Text that can stand between quotes: the seed of the run, and what went wrong. */
function encode(seed: number, decisions: readonly Decision[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify([seed, ...decisions]))
  return btoa(String.fromCharCode(...bytes)).replaceAll('=', '')
}

function decode(replay: string): { readonly seed: number; readonly decisions: readonly Decision[] } {
  try {
    const bytes = Uint8Array.from(atob(replay), (character) => character.charCodeAt(0))
    const [seed, ...decisions] = JSON.parse(new TextDecoder().decode(bytes)) as [number, ...Decision[]]
    return { seed, decisions }
  } catch (cause) {
    const message = '`replay` is not what the message of a failure gave\nCopy all that stands between the quotes.'
    throw new TidingsError('INVALID_ARGUMENT', message, { cause })
  }
}

function ratesOf(given: Partial<FaultRates>): FaultRates {
  for (const [kind, rate] of Object.entries(given)) {
    if (!(kind in usualRates)) throw refused('faults', `of ${Object.keys(usualRates).join(', ')}`, kind)
    if (!(rate >= 0 && rate <= 1)) throw refused(`faults.${kind}`, 'a part from 0 to 1', rate)
  }
  return { ...usualRates, ...given }
}

function checkBrokers(brokers: readonly BrokerKind[] = brokerKinds): void {
  const isSome = Array.isArray(brokers) && brokers.length > 0 && brokers.every((kind) => brokerKinds.includes(kind))
  if (!isSome) throw refused('brokers', `some of ${brokerKinds.join(', ')}`, brokers)
}

function refused(option: string, expected: string, value: unknown): TidingsError {
  return new TidingsError(
    'INVALID_ARGUMENT',
    `\`${option}\` of simulate must be ${expected}, received ${JSON.stringify(value)}\nLeave it out for the default.`,
  )
}
