import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { memory, type Transport } from '../src/index.ts'
import { type Connection, type Delivery, type Membership, handled } from '../src/transport/index.ts'
import { connectTo, idOf, ManualClock, message, quiet, givenBack } from './support/recording-member.ts'

// Programs for the test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test memory-model.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 300)

const capacity = 4
const maxWaiting = 6
const maxDelayed = 3
/** How often a message comes back without an end before it is handed out alone. */
const mostUnended = 2

/** What a group of this name is like. */
const groups = {
  ordered: { ordered: true, temporary: false, marks: false },
  plain: { ordered: false, temporary: false, marks: false },
  // Each belongs to the connection of its number.
  temporary0: { ordered: true, temporary: true, marks: false },
  temporary1: { ordered: true, temporary: true, marks: false },
} as const
type GroupName = keyof typeof groups

/** A message in one group, in the list of that group by its place. */
interface Entry {
  readonly id: string
  readonly key: string | undefined
  /** `retrying` keeps its place, and closes its key where it is ordered. */
  state: 'delayed' | 'waiting' | 'held' | 'retrying' | 'settled'
  attempt: number
  redeliveries: number
  due: number
  /** Its number among all that is to happen at some time. */
  added: number
  /** Whether it keeps its place, and its key closed, while it waits for its next attempt. */
  inPlace: boolean
  /** Whether it was handed out alone. */
  alone: boolean
  member: MemberModel | undefined
  delivery: Delivery | undefined
}

interface GroupModel {
  readonly name: GroupName
  types: Set<string>
  entries: Entry[]
  members: MemberModel[]
}

interface MemberModel {
  readonly group: GroupModel
  readonly types: string[]
  readonly prefetch: number
  readonly held: Set<Entry>
  paused: boolean
  gone: boolean
  membership: Membership
}

interface PublishModel {
  readonly id: string
  readonly key: string | undefined
  readonly notBefore: number | undefined
  /** Whether it has to pass the room of what is delayed. */
  readonly isLater: boolean
  readonly from: ConnectionModel
  readonly groups: Set<GroupModel>
  readonly controller: AbortController
  state: 'pending' | 'resolved' | 'rejected'
  actual: 'pending' | 'resolved' | 'rejected'
}

interface ConnectionModel {
  connection: Connection
  unroutable: string[]
  members: MemberModel[]
}

/** The broker as one would write it who has all the time of the world, with the real one beside it. */
class World {
  readonly clock = new ManualClock()
  readonly broker: Transport = memory({ capacity, maxWaiting, maxDelayed })
  readonly groups = new Map<GroupName, GroupModel>()
  readonly connections: ConnectionModel[] = []
  /** Every publish that has had to wait, in order. */
  readonly publishes: PublishModel[] = []
  readonly expectedUnroutable = new Map<ConnectionModel, string[]>()
  readonly #failures: unknown[] = []
  #ids = 0
  #added = 0
  /** The time of the model, while that of the broker is still to pass. */
  #now = this.clock.now()

  async connect(at: number): Promise<void> {
    const { connection, unroutable } = await connectTo(this.broker, this.clock)
    const model: ConnectionModel = { connection, unroutable, members: [] }
    this.connections[at] = model
    this.expectedUnroutable.set(model, [])
  }

  publish(at: number, type: string, key: string | undefined, delay: number, group: GroupName | undefined): void {
    const from = this.connections[at]!
    const id = `${type}${this.#ids++}`
    const notBefore = delay > 0 ? this.clock.now() + delay : undefined
    const targets = new Set(
      [...this.groups.values()].filter(({ name, types }) => (group === undefined ? types.has(type) : name === group)),
    )
    const controller = new AbortController()
    const publish: PublishModel = {
      id,
      key,
      notBefore,
      isLater: notBefore !== undefined,
      from,
      groups: targets,
      controller,
      state: 'pending',
      actual: 'pending',
    }
    const waits = this.publishes.filter(({ state }) => state === 'pending').length
    if (group !== undefined && targets.size === 0) {
      publish.state = 'rejected'
      this.publishes.push(publish)
    } else if (group === undefined && !this.#fits(publish)) {
      if (waits >= maxWaiting) publish.state = 'rejected'
      this.publishes.push(publish)
    } else {
      this.#admit(publish)
    }
    const body = { message: message(id, { type, ...(key === undefined ? {} : { key }) }), notBefore, group }
    const result = from.connection.publish(body, { signal: controller.signal })
    if (publish.state === 'resolved') expect(result).toBeUndefined()
    else {
      result!.then(
        () => (publish.actual = 'resolved'),
        () => (publish.actual = 'rejected'),
      )
    }
  }

  abort(index: number): void {
    const pending = this.publishes.filter(({ state }) => state === 'pending')
    const publish = pending[index % pending.length]
    if (publish === undefined) return
    publish.state = 'rejected'
    this.#admitAll()
    publish.controller.abort(new Error('given up'))
  }

  async join(at: number, name: GroupName, types: string[], prefetch: number): Promise<void> {
    const { temporary, ordered } = groups[name]
    if (temporary && name !== `temporary${at}`) return
    const from = this.connections[at]!
    let group = this.groups.get(name)
    if (group === undefined) this.groups.set(name, (group = { name, types: new Set(), entries: [], members: [] }))
    const member: MemberModel = {
      group,
      types,
      prefetch,
      held: new Set(),
      paused: false,
      gone: false,
      membership: undefined as never,
    }
    group.members.push(member)
    from.members.push(member)
    this.#bind(group)
    const request = { group: name, types, prefetch, ordered, temporary, from: 'latest', marks: false } as const
    member.membership = await from.connection.subscribe(request, (delivery) => {
      try {
        this.#deliver(member, delivery)
      } catch (error) {
        this.#failures.push(error)
      }
    })
  }

  settle(index: number, how: 'ack' | 'nack' | 'later' | 'behind', delay = 0): void {
    const held = this.#held()
    const entry = held[index % held.length]
    if (entry === undefined) return
    const { delivery, member } = entry
    this.#release(entry)
    if (how === 'nack') void delivery!.settle(givenBack)
    else if (how === 'ack') {
      entry.state = 'settled'
      this.#admitAll()
      void delivery!.settle(handled)
    } else {
      const due = this.clock.now() + delay
      const attempt = ++entry.attempt
      entry.redeliveries = 0
      entry.due = due
      entry.state = 'retrying'
      entry.added = this.#added++
      entry.inPlace = how === 'later' && entry.key !== undefined && groups[member!.group.name].ordered
      this.#admitAll()
      void delivery!.settle({ as: 'later', due, headers: { attempt: String(attempt) }, inPlace: how === 'later' })
    }
    // Idempotent, whichever way.
    void delivery!.settle(givenBack)
    void delivery!.settle(handled)
  }

  pause(at: number, index: number, paused: boolean): void {
    const { members } = this.connections[at]!
    const member = members[index % members.length]
    if (member === undefined) return
    member.paused = paused
    if (paused) member.membership.pause()
    else member.membership.resume()
  }

  async stop(at: number, index: number): Promise<void> {
    const { members } = this.connections[at]!
    const member = members[index % members.length]
    if (member === undefined) return
    this.#leave(member)
    await member.membership.stop()
  }

  async close(at: number): Promise<void> {
    const from = this.connections[at]!
    for (const member of from.members) {
      for (const entry of member.held) this.#release(entry)
      this.#leave(member)
    }
    for (const publish of this.publishes) {
      if (publish.from === from && publish.state === 'pending') publish.state = 'rejected'
    }
    this.#admitAll()
    await from.connection.close()
    this.#checkUnroutable(from)
    await this.connect(at)
  }

  advance(milliseconds: number): void {
    const end = this.clock.now() + milliseconds
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.due)
      // A delayed message arrives in all of its groups at once.
      for (const group of this.groups.values()) {
        const entry = group.entries.find(({ state, added }) => isTimed(state) && added === next.added)
        if (entry !== undefined) arrive(group, entry)
      }
      this.#admitAll()
    }
    this.#now = end
    this.clock.advance(milliseconds)
  }

  /** What happens next of all that is to happen until then. */
  #next(end: number): Entry | undefined {
    return [...this.groups.values()]
      .flatMap(({ entries }) => entries)
      .filter(({ state, due }) => isTimed(state) && due <= end)
      .toSorted((a, b) => a.due - b.due || a.added - b.added)[0]
  }

  /** What must hold when nothing is under way. */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
    for (const group of this.groups.values()) {
      const waiting = inState(group, 'waiting')
      const backlog = {
        waiting: waiting.length,
        handedOut: inState(group, 'held').length,
        delayed: inState(group, 'delayed').length,
        retrying: inState(group, 'retrying').length,
      }
      for (const { membership } of group.members) expect(membership.backlog()).toMatchObject(backlog)
      // Nothing that could be handed out is kept back.
      const kept = waiting.filter((entry) => mayCome(group, entry) && hasTaker(group, entry))
      expect(kept).toEqual([])
    }
    for (const { id, state, actual } of this.publishes) expect([id, actual]).toEqual([id, state])
    for (const from of this.connections) this.#checkUnroutable(from)
  }

  /** Settles everything, and sees that nothing is left. */
  async finish(): Promise<void> {
    for (let at = 0; at < 2; at++) await this.close(at)
    for (const name of ['ordered', 'plain'] as const) await this.join(0, name, ['a', 'b'], 100)
    for (let i = 0; i < 500 && (this.#left() > 0 || this.publishes.some(({ state }) => state === 'pending')); i++) {
      this.advance(1000)
      await quiet(2)
      this.check()
      this.settle(i, 'ack')
    }
    await quiet(2)
    this.check()
    expect(this.#left()).toBe(0)
    expect(this.clock.timers).toBe(0)
    for (let at = 0; at < 2; at++) await this.connections[at]!.connection.close()
  }

  #deliver(member: MemberModel, delivery: Delivery): void {
    const { group } = member
    const id = idOf(delivery.message)
    const entry = group.entries.find((each) => each.id === id)
    expect(entry, `${id} is in ${group.name}`).toBeDefined()
    expect([id, entry!.state, delivery.redeliveries]).toEqual([id, 'waiting', entry!.redeliveries])
    expect(delivery.message.headers['attempt'] ?? '0').toBe(String(entry!.attempt))
    expect(mayCome(group, entry!), `${id} may come now`).toBe(true)
    expect([member.paused, member.gone, delivery.lost.aborted]).toEqual([false, false, false])
    expect(member.held.size).toBeLessThan(member.prefetch)
    entry!.alone = isSuspect(entry!)
    if (entry!.alone) expect(member.held.size, `${id} is handed out alone`).toBe(0)
    expect(
      [...member.held].some(({ alone }) => alone),
      `nothing is beside a suspect`,
    ).toBe(false)
    entry!.state = 'held'
    entry!.member = member
    entry!.delivery = delivery
    member.held.add(entry!)
  }

  /** Back among those that wait, as far as the group is there. */
  #release(entry: Entry): void {
    entry.member!.held.delete(entry)
    entry.member = undefined
    entry.state = 'waiting'
    entry.redeliveries++
  }

  #leave(member: MemberModel): void {
    const { group } = member
    if (member.gone) return
    member.gone = true
    group.members = group.members.filter((other) => other !== member)
    if (group.members.length > 0) {
      this.#bind(group)
    } else if (groups[group.name].temporary) {
      this.groups.delete(group.name)
      for (const entry of group.entries) if (entry.state !== 'held') entry.state = 'settled'
      for (const publish of this.publishes) if (publish.state === 'pending') publish.groups.delete(group)
      this.#admitAll()
    }
  }

  #bind(group: GroupModel): void {
    group.types = new Set(group.members.flatMap(({ types }) => types))
  }

  /** Every group has room, and nobody waits there who came before. */
  #fits(publish: PublishModel): boolean {
    for (const group of publish.groups) {
      const { isLater } = publish
      const unsettled = inState(group, 'waiting').length + inState(group, 'held').length
      const isFull = isLater
        ? inState(group, 'delayed').length >= maxDelayed
        : unsettled >= capacity || inState(group, 'retrying').length >= capacity
      if (isFull) return false
      const first = this.publishes.find(
        (other) => other.state === 'pending' && other.isLater === isLater && other.groups.has(group),
      )
      if (first !== undefined && first !== publish) return false
    }
    return true
  }

  #admitAll(): void {
    for (;;) {
      const next = this.publishes.find((publish) => publish.state === 'pending' && this.#fits(publish))
      if (next === undefined) return
      this.#admit(next)
    }
  }

  #admit(publish: PublishModel): void {
    publish.state = 'resolved'
    const { id, key, notBefore, from } = publish
    if (publish.groups.size === 0) this.expectedUnroutable.get(from)!.push(id)
    const due = notBefore ?? 0
    const added = this.#added++
    for (const group of publish.groups) {
      const state = publish.isLater ? 'delayed' : 'waiting'
      group.entries.push({
        id,
        key,
        state,
        attempt: 0,
        redeliveries: 0,
        due,
        added,
        inPlace: false,
        alone: false,
        member: undefined,
        delivery: undefined,
      })
    }
  }

  #held(): Entry[] {
    return this.connections.flatMap(({ members }) => members.flatMap(({ held }) => [...held]))
  }

  #left(): number {
    return [...this.groups.values()].flatMap(({ entries }) => entries).filter(({ state }) => state !== 'settled').length
  }

  #checkUnroutable(from: ConnectionModel): void {
    expect(from.unroutable.toSorted()).toEqual(this.expectedUnroutable.get(from)!.toSorted())
  }
}

/** Whether it is the turn of a message that waits, by the order of its group. */
function mayCome(group: GroupModel, entry: Entry): boolean {
  const isKeyed = groups[group.name].ordered && entry.key !== undefined
  const ofKey = group.entries.filter(({ key }) => key === entry.key)
  if (isKeyed) {
    if (ofKey.some(({ state, inPlace }) => state === 'held' || (state === 'retrying' && inPlace))) return false
    if (ofKey.find(({ state }) => state === 'waiting') !== entry) return false
  }
  const waiting = inState(group, 'waiting')
  if (isSuspect(entry)) {
    return !hasSuspectOut(group) && waiting.find(isSuspect) === entry
  }
  const lane = groups[group.name].ordered ? waiting.filter(({ key }) => key === entry.key) : waiting
  return isKeyed || lane.find((other) => !isSuspect(other)) === entry
}

/** Whether some member is sure to be given it. */
function hasTaker(group: GroupModel, entry: Entry): boolean {
  const able = group.members.filter(({ paused }) => !paused)
  if (isSuspect(entry)) return able.some(({ held }) => held.size === 0)
  const free = able.filter(({ held, prefetch }) => held.size < prefetch && ![...held].some(({ alone }) => alone))
  // One of them is given nothing until it holds nothing, for a suspect that waits.
  const isOneKept = !hasSuspectOut(group) && inState(group, 'waiting').some(isSuspect)
  return free.length > (isOneKept ? 1 : 0)
}

function hasSuspectOut(group: GroupModel): boolean {
  return inState(group, 'held').some(({ alone }) => alone)
}

function isSuspect({ redeliveries }: Entry): boolean {
  return redeliveries >= mostUnended
}

function isTimed(state: Entry['state']): boolean {
  return state === 'delayed' || state === 'retrying'
}

function inState({ entries }: GroupModel, wanted: Entry['state']): Entry[] {
  return entries.filter(({ state }) => state === wanted)
}

/** Its time has come: at its place where it kept that, else behind the others. */
function arrive(group: GroupModel, entry: Entry): void {
  entry.state = 'waiting'
  if (entry.inPlace) return
  group.entries = group.entries.filter((other) => other !== entry)
  group.entries.push(entry)
}

const at = fc.nat(1)
const index = fc.nat(9)
const types = fc.subarray(['a', 'b'])
const name = fc.constantFrom('ordered', 'plain', 'temporary0', 'temporary1')
const key = fc.constantFrom('x', 'y', undefined)
const delay = fc.constantFrom(0, 0, 0, 5, 20)

type Step = (world: World) => void | Promise<void>
const steps: fc.Arbitrary<{ readonly does: string; readonly step: Step }> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(at, fc.constantFrom('a', 'b'), key, delay).map((args) => ({
      does: `publish ${args.join(' ')}`,
      step: (world: World) => world.publish(...args, undefined),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(at, fc.constant('a'), key, delay, name).map((args) => ({
      does: `publish ${args.join(' ')}`,
      step: (world: World) => world.publish(...args),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(at, name, types, fc.integer({ min: 1, max: 3 })).map((args) => ({
      does: `join ${args.join(' ')}`,
      step: (world: World) => world.join(...args),
    })),
  },
  {
    weight: 8,
    arbitrary: index.map((i) => ({ does: `ack ${i}`, step: (world: World) => world.settle(i, 'ack') })),
  },
  {
    weight: 4,
    arbitrary: index.map((i) => ({ does: `nack ${i}`, step: (world: World) => world.settle(i, 'nack') })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(index, fc.constantFrom('later', 'later', 'behind'), fc.constantFrom(0, 3, 12)).map((args) => ({
      does: `retry ${args.join(' ')}`,
      step: (world: World) => world.settle(...args),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(at, index, fc.boolean()).map((args) => ({
      does: `pause ${args.join(' ')}`,
      step: (world: World) => world.pause(...args),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(at, index).map((args) => ({
      does: `stop ${args.join(' ')}`,
      step: (world: World) => world.stop(...args),
    })),
  },
  { weight: 1, arbitrary: index.map((i) => ({ does: `abort ${i}`, step: (world: World) => world.abort(i) })) },
  { weight: 1, arbitrary: at.map((i) => ({ does: `close ${i}`, step: (world: World) => world.close(i) })) },
  {
    weight: 2,
    arbitrary: fc.nat(15).map((time) => ({ does: `advance ${time}`, step: (world: World) => world.advance(time) })),
  },
)

async function run(program: readonly { readonly step: Step }[], together: number): Promise<void> {
  const world = new World()
  for (let i = 0; i < 2; i++) await world.connect(i)
  for (const [i, { step }] of program.entries()) {
    await step(world)
    // Sometimes several steps go by before anything is delivered.
    if (i % together > 0) continue
    await quiet(2)
    world.check()
  }
  await quiet(2)
  await world.finish()
}

test('INVARIANT: nothing is lost, held by two at once, out of order, beyond a prefetch or the capacity, whatever happens', async () => {
  const program = fc.array(steps, { minLength: 1, maxLength: 150, size: 'max' })
  await fc.assert(
    fc.asyncProperty(program, fc.constantFrom(1, 3), (steps, together) => run(steps, together)),
    { numRuns },
  )
}, 600_000)
