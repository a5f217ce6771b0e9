import { givenBack } from './recording-member.ts'
import type { Transport } from '../../src/index.ts'
import type { Connection, Delivery, GivenBack, GroupRequest, Membership } from '../../src/transport/index.ts'
import { altered, alteredDelivery } from './altered.ts'

/**
 * A queue whose connections can be lost: what is unsettled is ours no more and goes back, as `back` says, oldest first, and
 * then each group is joined again.
 */
export function flapping(
  transport: Transport,
  back: GivenBack = givenBack,
): { readonly transport: Transport; cut(): Promise<void> } {
  const members = new Set<FlappingMember>()
  return {
    transport: altered(transport, (connection) => ({
      async subscribe(request, deliver, signal) {
        const member = new FlappingMember(connection, request, deliver, back)
        await member.join(signal)
        members.add(member)
        return member
      },
      async close() {
        members.clear()
        await connection.close()
      },
    })),
    async cut() {
      for (const member of members) await member.cut()
    },
  }
}

class FlappingMember implements Membership {
  readonly #connection: Connection
  readonly #request: GroupRequest
  readonly #deliver: (delivery: Delivery) => void
  readonly #back: GivenBack
  #membership!: Membership
  #lost = new AbortController()
  #unsettled = new Set<Delivery>()
  #isStopped = false
  #isPaused = false

  constructor(connection: Connection, request: GroupRequest, deliver: (delivery: Delivery) => void, back: GivenBack) {
    this.#back = back
    this.#connection = connection
    this.#request = request
    this.#deliver = deliver
  }

  async join(signal?: AbortSignal): Promise<void> {
    const { signal: lost } = this.#lost
    const unsettled = this.#unsettled
    const take = (real: Delivery): void => {
      unsettled.add(real)
      const settle: Delivery['settle'] = (settlement) =>
        !lost.aborted && unsettled.delete(real) ? real.settle(settlement) : 'lost'
      this.#deliver(alteredDelivery(real, { lost, settle }))
    }
    this.#membership = await this.#connection.subscribe(this.#request, take, signal)
    if (this.#isStopped) await this.#membership.stop()
    else if (this.#isPaused) this.#membership.pause()
  }

  async cut(): Promise<void> {
    const lost = this.#lost
    const unsettled = this.#unsettled
    this.#lost = new AbortController()
    this.#unsettled = new Set()
    await this.#membership.stop()
    lost.abort(new Error('the connection was lost'))
    for (const delivery of unsettled) void delivery.settle(this.#back)
    if (!this.#isStopped) await this.join()
  }

  pause(): void {
    this.#isPaused = true
    this.#membership.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#membership.resume()
  }

  backlog(): ReturnType<Membership['backlog']> {
    return this.#membership.backlog()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#membership.stop()
  }
}
