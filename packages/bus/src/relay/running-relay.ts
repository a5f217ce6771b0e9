import { type Duration, isPattern, milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions } from '@tidings/core/tools'
import { BusConnection } from '../bus/bus-connection.ts'
import type { Clock } from '../clock.ts'
import { CapabilityMissingError } from '../errors.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { Message } from '../message/message.ts'
import { groupName } from '../transport/group-name.ts'
import type { ConnectionState, GroupRequest, Transport } from '../transport/transport.ts'
import { within } from '../transport/within.ts'
import { moveLetters } from './move-letters.ts'
import type { Relay, RelayHealth, RelayProgress } from './relay.ts'
import { RelayBehindError } from './relay-behind-error.ts'
import { RelayedGroup } from './relayed-group.ts'

/** The options of a relay with their defaults; durations in milliseconds. */
export interface RelaySettings {
  readonly source: string
  readonly from: Transport
  readonly to: Transport
  /** Undefined where each group that moves keeps its own. */
  readonly ordered: boolean | undefined
  /** The groups that move; undefined where `types` go to whoever wants them. */
  readonly moves: 'all' | readonly string[] | undefined
  readonly types: readonly string[]
  readonly group: string
  readonly begin: 'latest' | 'earliest'
  readonly prefetch: number
  readonly clock: Clock
  readonly log: HandlerLog
  readonly connectTimeout: number
  readonly stalledAfter: number
}

/** Milliseconds between two looks at what is left. */
const interval = 25
/** Milliseconds that what is on its way has to end once its connection is closed. */
const longestEnd = 1000

/** Two connections, and the groups whose events go from one to the other. */
export class RunningRelay implements Relay {
  readonly #settings: RelaySettings
  readonly #from: BusConnection
  readonly #to: BusConnection
  readonly #stopping = new AbortController()
  readonly #givingUp = new AbortController()
  /** Event types of which it was said that nobody over there wants them. */
  readonly #unwanted = new Set<unknown>()
  #groups: readonly RelayedGroup[] = []
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(settings: RelaySettings) {
    const { source, from, to, clock, log } = settings
    this.#settings = settings
    const toldBy =
      (side: Transport) =>
      (state: ConnectionState, error?: unknown): void => {
        const facts = { transport: side.name, ...(error === undefined ? {} : { error }) }
        if (state === 'reconnecting') log.warn('a relay has lost a connection, which is made anew', facts)
        else if (state === 'closed' && this.#closing === undefined)
          log.error('a connection of a relay is closed for good', facts)
      }
    const connection = (transport: Transport, onUnroutable: (message: Message) => void): BusConnection =>
      new BusConnection(transport, { name: source, clock, onState: toldBy(transport), onUnroutable }, log)
    this.#from = connection(from, () => {})
    this.#to = connection(to, ({ attributes: { type } }) => {
      if (this.#unwanted.has(type)) return
      this.#unwanted.add(type)
      log.warn('what a relay sends on reaches no group', { type, transport: to.name })
    })
  }

  async start(): Promise<void> {
    const { connectTimeout } = this.#settings
    await this.#to.begin(connectTimeout, async () => {})
    try {
      await this.#from.begin(connectTimeout, (signal) => this.#join(signal))
    } catch (error) {
      this.#stopping.abort()
      this.#givingUp.abort()
      await this.#to.close()
      throw error
    }
  }

  async health(): Promise<RelayHealth> {
    const groups = await Promise.all(
      this.#groups.map(async (each) => ({ group: each.group, ...(await each.progress()) })),
    )
    const { stalledAfter } = this.#settings
    const isStalled = this.#groups.some((each) => each.isStalled(stalledAfter))
    const [from, to] = [this.#from.state, this.#to.state]
    const states = [from, to]
    const ofConnections = (['closed', 'reconnecting'] as const).find((state) => states.includes(state))
    const running = ofConnections ?? (isStalled ? 'stalled' : 'ok')
    const status = this.#isClosed ? 'closed' : this.#closing === undefined ? running : 'closing'
    return { status, from, to, ...together(groups), groups }
  }

  async caughtUp(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    knownOptions(options, ['timeout'], 'caughtUp')
    const { from, clock } = this.#settings
    if (!from.capabilities.waiting) {
      throw new CapabilityMissingError(from.name, [{ capability: 'waiting', wantedBy: 'relay.caughtUp' }])
    }
    const since = clock.now()
    const timeout = options.timeout === undefined ? Infinity : milliseconds(options.timeout, 'timeout')
    await this.#moveLetters()
    let behind = this.#groups
    for (;;) {
      const left = await Promise.all(behind.map(async (group) => ({ group, backlog: await group.backlog() })))
      const late = left.filter(({ backlog }) => backlog === undefined || isBehind(backlog, since))
      if (late.length === 0) return
      behind = late.map(({ group }) => group)
      const isLate = clock.now() - since >= timeout
      if (isLate || this.#closing !== undefined) {
        const why = isLate ? `within ${timeout}ms` : 'before it was closed'
        throw new RelayBehindError(
          why,
          late.map(({ group: { group }, backlog }) => ({
            group,
            waiting: (backlog?.waiting ?? 0) + (backlog?.handedOut ?? 0),
            retrying: backlog?.retrying ?? 0,
          })),
        )
      }
      await new Promise<void>((resolve) => clock.after(interval, resolve))
    }
  }

  close(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    try {
      knownOptions(options, ['timeout'], 'close')
      return (this.#closing ??= this.#close(milliseconds(options.timeout ?? '10s', 'timeout')))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeout: number): Promise<void> {
    const { clock, log } = this.#settings
    const stopped = await Promise.allSettled(this.#groups.map((group) => group.stop()))
    for (const each of stopped) {
      if (each.status === 'rejected') log.warn('a relay could not leave a group', { error: each.reason })
    }
    // What waits to be tried again goes back, and what has not begun.
    this.#stopping.abort()
    const ended = Promise.all(this.#groups.map((group) => group.ended()))
    await within(() => ended, this.#to.state === 'connected' ? timeout : 0, clock)
    this.#givingUp.abort(new DOMException('the relay was closed', 'AbortError'))
    // Ends what is on its way, whatever its signal means to it; what comes to no end all the same goes back with `from`.
    await this.#to.close()
    await within(() => ended, longestEnd, clock)
    await this.#from.close()
    this.#isClosed = true
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { clock, log, moves } = this.#settings
    const setting = {
      clock,
      log,
      from: () => this.#from.open,
      to: () => this.#to.open,
      stopping: this.#stopping.signal,
      givingUp: this.#givingUp.signal,
    }
    const requests = moves === undefined ? [this.#ownRequest()] : await this.#movedRequests(moves)
    this.#groups = requests.map((request) => new RelayedGroup(setting, request, moves !== undefined))
    // Before any event: what comes behind a parked one is to find it.
    await this.#moveLetters()
    for (const group of this.#groups) await group.join(signal)
  }

  /** Where both sides keep them: what was given up moves with its group. */
  async #moveLetters(): Promise<void> {
    if (this.#settings.moves === undefined) return
    const [from, to] = [this.#from.open.deadLetters, this.#to.open.deadLetters]
    if (from === undefined || to === undefined) return
    for (const { group } of this.#groups) {
      const moved = await moveLetters(from, to, group)
      if (moved > 0) this.#settings.log.info('a relay has moved dead letters', { group, letters: moved })
    }
  }

  #ownRequest(): GroupRequest {
    const { source, types, group, begin, ordered = true } = this.#settings
    return { ...this.#request(groupName(source, group), types, ordered), from: begin, marks: false }
  }

  async #movedRequests(moves: 'all' | readonly string[]): Promise<readonly GroupRequest[]> {
    const { source, from, to } = this.#settings
    const there = (await this.#from.open.groups!.list()).filter(({ temporary }) => !temporary)
    const isOurs = (name: string): boolean => groupName(source, name.slice(name.lastIndexOf('.') + 1)) === name
    const ours = there.filter(({ group }) => isOurs(group))
    const wanted = moves === 'all' ? ours.map(({ group }) => group) : moves.map((name) => groupName(source, name))
    return wanted.map((name) => {
      const found = there.find(({ group }) => group === name)
      if (found === undefined) {
        const names = ours.map(({ group }) => group).join(', ') || 'none'
        throw invalidArgument('groups', `of those that ${from.name} has for ${source} (${names})`, name, "Or 'all'.")
      }
      const pattern = found.types.find(isPattern)
      if (pattern !== undefined && !to.capabilities.wildcards) {
        throw new CapabilityMissingError(to.name, [
          { capability: 'wildcards', wantedBy: `the relay: the pattern "${pattern}" of the group ${name}` },
        ])
      }
      return this.#request(name, found.types, this.#settings.ordered ?? found.ordered)
    })
  }

  #request(group: string, types: readonly string[], ordered: boolean): GroupRequest {
    const { prefetch, from } = this.#settings
    const { inbox: marks } = from.capabilities
    return { group, types, prefetch, ordered, from: 'latest', temporary: false, marks }
  }
}

/** Whether something is left that was there at that time. Where nobody can tell, it was. */
function isBehind(
  {
    waiting,
    handedOut,
    retrying,
    oldest = 0,
  }: { waiting: number; handedOut: number; retrying: number; oldest?: number | undefined },
  since: number,
): boolean {
  return waiting + handedOut + retrying > 0 && oldest <= since
}

/** All groups as one. A number that one of them cannot tell is not told. */
function together(groups: readonly RelayProgress[]): RelayProgress {
  const sum = (count: (each: RelayProgress) => number | undefined): number | undefined =>
    groups.reduce<number | undefined>((total, each) => {
      const one = count(each)
      return total === undefined || one === undefined ? undefined : total + one
    }, 0)
  const ages = groups.flatMap(({ age }) => (age === undefined ? [] : [age]))
  const times = groups.flatMap(({ lastProgress }) => (lastProgress === undefined ? [] : [lastProgress]))
  return {
    waiting: sum(({ waiting }) => waiting),
    delayed: sum(({ delayed }) => delayed),
    retrying: sum(({ retrying }) => retrying),
    age: ages.length === 0 ? undefined : Math.max(...ages),
    moved: sum(({ moved }) => moved)!,
    parked: sum(({ parked }) => parked)!,
    lastProgress: times.toSorted().at(-1),
  }
}
