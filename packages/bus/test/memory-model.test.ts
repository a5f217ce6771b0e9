import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Connection, type Delivery, type Membership, memory, type Transport, handled } from '../src/index.ts'
import { connectTo, idOf, ManualClock, message, quiet, givenBack } from './support/recording-member.ts'

const capacity = 4
const maxWaiting = 6

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
  state: 'delayed' | 'waiting' | 'held' | 'settled'
  redeliveries: number
  due: number
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
  readonly broker: Transport = memory({ capacity, maxWaiting })
  readonly groups = new Map<GroupName, GroupModel>()
  readonly connections: ConnectionModel[] = []
  /** Every publish that has had to wait, in order. */
  readonly publishes: PublishModel[] = []
  readonly expectedUnroutable = new Map<ConnectionModel, string[]>()
  readonly #failures: unknown[] = []
  #ids = 0

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

  settle(index: number, how: 'ack' | 'nack'): void {
    const held = this.#held()
    const entry = held[index % held.length]
    if (entry === undefined) return
    const { delivery } = entry
    this.#release(entry)
    if (how === 'ack') {
      entry.state = 'settled'
      this.#admitAll()
    }
    void delivery!.settle(how === 'ack' ? handled : givenBack)
    // Idempotent, whichever way.
    delivery!.settle(givenBack)
    delivery!.settle(handled)
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
    const now = this.clock.now() + milliseconds
    for (const group of this.groups.values()) {
      const due = group.entries.filter((entry) => entry.state === 'delayed' && entry.due <= now)
      group.entries = group.entries.filter((entry) => !due.includes(entry))
      for (const entry of due.toSorted((a, b) => a.due - b.due)) {
        entry.state = 'waiting'
        group.entries.push(entry)
      }
    }
    this.clock.advance(milliseconds)
  }

  /** What must hold when nothing is under way. */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
    for (const group of this.groups.values()) {
      const waiting = group.entries.filter(({ state }) => state === 'waiting')
      for (const { membership } of group.members) expect(membership.backlog()).toMatchObject({ waiting: waiting.length })
      const hasRoom = group.members.some((member) => !member.paused && member.held.size < member.prefetch)
      // Nothing that could be handed out is kept back.
      if (hasRoom) expect(waiting.filter((entry) => mayCome(group, entry))).toEqual([])
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
    expect(mayCome(group, entry!), `${id} may come now`).toBe(true)
    expect([member.paused, member.gone, delivery.lost.aborted]).toEqual([false, false, false])
    expect(member.held.size).toBeLessThan(member.prefetch)
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
      if (group.entries.filter(({ state }) => state !== 'settled').length >= capacity) return false
      const first = this.publishes.find((other) => other.state === 'pending' && other.groups.has(group))
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
    for (const group of publish.groups) {
      const state = due > this.clock.now() ? 'delayed' : 'waiting'
      group.entries.push({ id, key, state, redeliveries: 0, due, member: undefined, delivery: undefined })
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
  const lane = groups[group.name].ordered ? group.entries.filter(({ key }) => key === entry.key) : group.entries
  const isKeyed = groups[group.name].ordered && entry.key !== undefined
  if (isKeyed && lane.some(({ state }) => state === 'held')) return false
  return lane.find(({ state }) => state === 'waiting') === entry
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
    { numRuns: 300 },
  )
}, 60_000)
