/** How many of the last steps are told, and of how many messages the number is known. */
const kept = { steps: 12, numbers: 10_000 } as const

/** What a case has done so far, so that its failure can say behind what. Bounded, however long the case runs. */
export class Steps {
  /** Whole names of the groups that it made and which outlive it. */
  readonly groups: Set<string> = new Set()
  readonly #last: Step[] = []
  readonly #numbers = new Map<string, number>()
  #dropped = false
  #published = 0

  /** Notes what is done next. */
  begin(what: string): void {
    const last = this.#last.at(-1)
    if (last?.what === what && last.messages === undefined) last.times++
    else this.#push({ what, times: 1, messages: undefined })
  }

  /** Notes that a message is published next, by the id of its event. */
  publish(id: string): void {
    const known = this.#numbers.get(id)
    const number = known ?? ++this.#published
    if (known === undefined && number <= kept.numbers) this.#numbers.set(id, number)
    const last = this.#last.at(-1)?.messages
    if (last?.to === number - 1) last.to = number
    else this.#push({ what: 'publish', times: 1, messages: { from: number, to: number } })
  }

  /** The last ones in their order, each as a few words. */
  told(): string[] {
    const told = this.#last.map(({ what, times, messages }) => {
      if (messages !== undefined) return `${what} ${range(messages)}`
      return times === 1 ? what : `${what} ${times} times`
    })
    return this.#dropped ? ['…', ...told] : told
  }

  /** A text with `#3` where it has the id of the third message that was published. */
  numbered(text: string): string {
    return text.replaceAll(uuid, (id) => {
      const number = this.#numbers.get(id)
      return number === undefined ? id : `#${number}`
    })
  }

  #push(step: Step): void {
    this.#last.push(step)
    if (this.#last.length <= kept.steps) return
    this.#last.shift()
    this.#dropped = true
  }
}

interface Step {
  readonly what: string
  times: number
  readonly messages: { readonly from: number; to: number } | undefined
}

const uuid = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g

function range({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `#${from}` : `#${from}–#${to}`
}
