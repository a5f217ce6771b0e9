import type { Message } from '@tidings/bus'

/** One step of a run, in words. */
export interface Step {
  /** Milliseconds of virtual time since the beginning. */
  readonly at: number
  readonly text: string
  /** Whether something went wrong here. */
  readonly fault: boolean
  /** The chain of events that it belongs to; undefined for the process as a whole. */
  readonly chain: string | undefined
}

/** Names events for people, and writes down what happens to them. */
export class Trace {
  readonly steps: Step[] = []
  readonly #enabled: boolean
  readonly #now: () => number
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  readonly #chains = new Map<string, string>()
  readonly #groups = new Map<string, string>()

  constructor(enabled: boolean, now: () => number) {
    this.#enabled = enabled
    this.#now = now
  }

  /** `order.placed#2`: the second event of its type that was seen. */
  nameOf({ attributes: { id, type, correlationid } }: Pick<Message, 'attributes'>): string {
    const known = this.#names.get(String(id))
    if (known !== undefined) return known
    const count = (this.#counts.get(String(type)) ?? 0) + 1
    const name = `${String(type)}#${count}`
    this.#counts.set(String(type), count)
    this.#names.set(String(id), name)
    this.#chains.set(name, (correlationid === undefined ? undefined : this.#names.get(String(correlationid))) ?? name)
    return name
  }

  /** By the id of an event that was seen. */
  nameOfId(id: string): string {
    return this.#names.get(id) ?? id
  }

  /** The groups of the application, so that they can be named as it does. */
  knowGroups(groups: readonly string[]): void {
    for (const group of groups) this.#groups.set(group, group)
  }

  /** Without the source before it. */
  group(whole: string): string {
    const named = this.#groups.get(whole)
    if (named !== undefined) return named
    const known = [...this.#groups.values()].find((group) => whole.endsWith(`.${group}`))
    // The name of where replies come is another one in each run.
    const short = known ?? whole.replace(/replies-[\da-f-]{36}$/, 'replies')
    this.#groups.set(whole, short)
    return short
  }

  /** `text` is only made where somebody reads it. */
  say(text: () => string, about?: string, fault = false): void {
    if (!this.#enabled) return
    const chain = about === undefined ? undefined : this.#chains.get(about)
    const [line] = text().split('\n')
    this.steps.push({ at: this.#now(), text: line!, fault, chain })
  }
}

/** Beyond it the middle is left out. */
const longest = 60

/** The steps as lines: all of a short run; of a longer one those that have to do with what went wrong. */
export function inWords(steps: readonly Step[]): string {
  const chains = new Set(steps.flatMap(({ fault, chain }) => (fault ? [chain] : [])))
  const all = steps.length <= longest / 2 || chains.size === 0
  const lines: string[] = []
  let left = 0
  for (const step of steps) {
    if (!all && step.chain !== undefined && !chains.has(step.chain)) {
      left++
      continue
    }
    if (left > 0) lines.push(`           … ${left} ${left === 1 ? 'step' : 'steps'} of other events`)
    left = 0
    lines.push(`${`+${Math.round(step.at)}ms`.padStart(9)} ${step.fault ? '✗' : ' '} ${step.text}`)
  }
  if (left > 0) lines.push(`           … ${left} ${left === 1 ? 'step' : 'steps'} of other events`)
  if (lines.length <= longest) return lines.join('\n')
  const half = longest / 2
  return [...lines.slice(0, half), `           … ${lines.length - longest} lines`, ...lines.slice(-half)].join('\n')
}
