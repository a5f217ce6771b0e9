import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type DispatcherOptions,
  type EventDefinition,
  EventDispatcher,
  eventType,
  type Subscription,
} from '../src/index.ts'

// Random programs run on a dispatcher and on a model that is too simple to be wrong; both must tell the same story.

const types = ['a.x', 'a.y', 'b.x', 'c'] as const
const patterns = ['a.*', '*.x', '**', 'a.**', 'c.**', '*'] as const
const budget = 120

type Action =
  | { do: 'subscribe'; key: string; once: boolean; priority: number; script: number; after: number }
  | { do: 'unsubscribe'; which: number }
  | { do: 'publish'; type: (typeof types)[number]; by: 'string' | 'definition' | 'handle'; times: number }
  | { do: 'throw' }

/** What the program needs of either side. */
interface Side {
  subscribe(
    key: string,
    handler: (payload: number, type: string) => void,
    options: { once: boolean; priority: number },
  ): {
    unsubscribe(): void
  }
  publish(action: Action & { do: 'publish' }, payload: number): number
}

class Model implements Side {
  #subscriptions: {
    active: boolean
    matches: RegExp
    once: boolean
    priority: number
    handler: (payload: number, type: string) => void
  }[] = []
  readonly #maxDepth: number
  #depth = 0
  #storm = false

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth
  }

  subscribe(
    key: string,
    handler: (payload: number, type: string) => void,
    options: { once: boolean; priority: number },
  ) {
    const source = key
      .split('.')
      .map((token, i) => {
        const dot = i === 0 ? '' : '\\.'
        if (token === '**') return i === 0 ? '(?:[^.]+(?:\\.[^.]+)*)?' : '(?:\\.[^.]+)*'
        return dot + (token === '*' ? '[^.]+' : token)
      })
      .join('')
    const subscription = { ...options, handler, active: true, matches: new RegExp(`^${source}$`) }
    this.#subscriptions.push(subscription)
    return {
      unsubscribe() {
        subscription.active = false
      },
    }
  }

  publish({ type }: { type: string }, payload: number): number {
    if (this.#depth === 0) this.#storm = false
    if (this.#storm || this.#depth >= this.#maxDepth) {
      this.#storm = true
      throw new Error('storm')
    }
    const called = this.#subscriptions
      .filter((subscription) => subscription.active && subscription.matches.test(type))
      .toSorted((one, other) => other.priority - one.priority)
    this.#depth++
    let count = 0
    for (const subscription of called) {
      if (!subscription.active) continue
      if (subscription.once) subscription.active = false
      count++
      try {
        subscription.handler(payload, type)
      } catch {
        // isolated
      }
    }
    this.#depth--
    return count
  }
}

class Real implements Side {
  readonly #dispatcher: EventDispatcher<Record<string, number>>
  readonly #definitions = new Map<string, EventDefinition<string, number>>(
    types.map((type) => [type, eventType<number>()(type)]),
  )

  constructor(options: DispatcherOptions) {
    this.#dispatcher = new EventDispatcher({ onError: () => {}, ...options })
  }

  subscribe(
    key: string,
    handler: (payload: number, type: string) => void,
    options: { once: boolean; priority: number },
  ): Subscription {
    return this.#dispatcher.subscribe(key, handler, options)
  }

  publish({ type, by }: Action & { do: 'publish' }, payload: number): number {
    switch (by) {
      case 'string':
        return this.#dispatcher.publish(type, payload)
      case 'definition':
        return this.#dispatcher.publish(this.#definitions.get(type)!, payload)
      default:
        return this.#dispatcher.topic(type).publish(payload)
    }
  }
}

/** Runs a program and tells each call, each count and each refusal, in order. */
function story(side: Side, program: readonly Action[], scripts: readonly (readonly Action[])[]): string[] {
  const told: string[] = []
  const subscriptions: { unsubscribe(): void }[] = []
  let calls = 0
  let published = 0
  const run = (action: Action): void => {
    if (action.do === 'throw') throw new Error('on purpose')
    if (action.do === 'unsubscribe') {
      if (subscriptions.length > 0) subscriptions[action.which % subscriptions.length]!.unsubscribe()
    } else if (action.do === 'subscribe') {
      const id = subscriptions.length
      if (id >= 40) return
      const script = scripts[action.script % scripts.length]!
      let quiet = action.after
      const handler = (payload: number, type: string): void => {
        told.push(`${id} gets ${payload} of ${type}`)
        if (++calls < budget && quiet-- <= 0) for (const step of script) run(step)
      }
      subscriptions.push(side.subscribe(action.key, handler, { once: action.once, priority: action.priority }))
    } else {
      // Several times: the fast path is taken only while subscriptions stay the same.
      for (let i = 0; i < action.times; i++) {
        if (calls >= budget) return
        const payload = published++
        let outcome = 'refused'
        try {
          outcome = String(side.publish(action, payload))
        } finally {
          told.push(`publish ${payload} of ${action.type}: ${outcome}`)
        }
      }
    }
  }
  for (const action of program) {
    try {
      run(action)
    } catch {
      told.push('the program goes on')
    }
  }
  return told
}

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      key: fc.oneof(
        { weight: 3, arbitrary: fc.constant(types[0]) },
        { weight: 3, arbitrary: fc.constantFrom(...types) },
        fc.constantFrom(...patterns),
      ),
      once: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
      priority: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 2 })),
      script: fc.nat(10),
      // Calls without a change come first, so that the change meets the fast path.
      after: fc.nat(4),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), which: fc.nat(40) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      type: fc.oneof({ weight: 2, arbitrary: fc.constant(types[0]) }, fc.constantFrom(...types)),
      times: fc.integer({ min: 1, max: 4 }),
      by: fc.constantFrom('string', 'definition', 'handle'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('throw' as const) }) },
)
// Mostly handlers that do nothing: the fast path must get its turn.
const script = fc.oneof({ weight: 2, arbitrary: fc.constant<Action[]>([]) }, fc.array(action, { maxLength: 3 }))
const program = fc.record({
  // The fast path ends sixteen levels above the bound: 3 never takes it, 17 for one level, 30 for fourteen.
  maxDepth: fc.constantFrom(3, 17, 30),
  actions: fc.array(action, { minLength: 5, maxLength: 60 }),
  scripts: fc.array(script, { minLength: 1, maxLength: 6 }),
})

function sameStory(options: DispatcherOptions, numRuns: number): void {
  fc.assert(
    fc.property(program, ({ maxDepth, actions, scripts }) => {
      const real = story(new Real({ maxDepth, ...options }), actions, scripts)
      expect(real).toEqual(story(new Model(maxDepth), actions, scripts))
    }),
    { numRuns },
  )
}

test('INVARIANT: random programs run as on the naive model', () => {
  sameStory({}, 10_000)
})

test('INVARIANT: random programs run the same while an observer watches', () => {
  sameStory({ observer: { handled: () => {} } }, 1000)
})
