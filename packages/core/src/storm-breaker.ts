import { atLeast, hook, knownOptions } from './check.ts'
import { milliseconds } from './duration.ts'
import type { StormOptions, StormState } from './options.ts'

/** The breaker's memory of one event type. */
export interface Breaker {
  state: StormState
  /** When the state or the counted period began. */
  since: number
  count: number
  shed: number
}

/** Counts the events of each type by fixed periods and sheds them while a type comes too fast. */
export class StormBreaker {
  readonly #limit: number
  readonly #per: number
  readonly #cooldown: number
  readonly #changed: (type: string, breaker: Breaker) => void

  constructor(options: StormOptions, changed: (type: string, breaker: Breaker) => void) {
    knownOptions(options, ['limit', 'per', 'cooldown', 'onChange'], 'storm')
    hook(options.onChange, 'storm.onChange')
    this.#limit = atLeast(options.limit, 1, 'storm.limit')
    this.#per = atLeast(milliseconds(options.per ?? 1000, 'storm.per'), 1, 'storm.per')
    this.#cooldown = milliseconds(options.cooldown ?? this.#per, 'storm.cooldown')
    this.#changed = changed
  }

  /** Whether the event may pass. */
  admit(topic: { readonly key: string; breaker?: Breaker | undefined }): boolean {
    const now = performance.now()
    const breaker = (topic.breaker ??= { state: 'closed', since: now, count: 0, shed: 0 })
    const turn = (state: StormState): void => {
      breaker.state = state
      breaker.since = now
      breaker.count = 0
      this.#changed(topic.key, breaker)
    }
    if (breaker.state === 'open') {
      if (now - breaker.since >= this.#cooldown) turn('half-open')
    } else if (now - breaker.since >= this.#per) {
      if (breaker.state === 'half-open') turn('closed')
      breaker.since = now
      breaker.count = 0
    }
    if (breaker.state !== 'open') {
      if (++breaker.count <= this.#limit) return true
      turn('open')
    }
    breaker.shed++
    return false
  }
}
