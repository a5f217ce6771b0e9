/**
 * Contestants must not share functions: the second would run on what the compiler has learned from the first. So each
 * gets loops and handlers with code of its own.
 */

let made = 0

/** Evaluates the body of a function whose parameters are the names of `scope`. Its code is like no other's. */
export function evaluate<Result>(scope: Readonly<Record<string, unknown>>, body: string): Result {
  // The number keeps the engine from taking the code out of its cache.
  // oxlint-disable-next-line typescript/no-implied-eval -- to generate code is the purpose of this file
  const run = new Function(...Object.keys(scope), `'use strict'\n${body}\n// ${++made}`) as (
    ...values: unknown[]
  ) => Result
  return run(...Object.values(scope))
}

/** How a loop is compiled. */
export interface LoopOptions {
  /** Whether it awaits; default false. */
  readonly awaited?: boolean
  /** Whether it may take what it works with for constants; default false. */
  readonly constant?: boolean
}

/**
 * A loop that does `each` so many times, with `at` counting from 0. It is handed `scope` as a publisher is handed its
 * bus. A loop that closes over a bus that never changes is another thing: there, the compiler looks some emitters'
 * handlers up once and for all, and what is left measures a call that was never made.
 */
export function loopOf(
  scope: Readonly<Record<string, unknown>>,
  each: string,
  { awaited = false, constant = false }: LoopOptions = {},
): (count: number) => void | Promise<void> {
  const names = constant ? [] : Object.keys(scope)
  const parameters = ['count', ...names].join(', ')
  return evaluate(
    scope,
    `const loop = ${awaited ? 'async ' : ''}(${parameters}) => { for (let at = 0; at < count; at++) { ${each} } }
    return ${constant ? 'loop' : `(count) => loop(${parameters})`}`,
  )
}

/** Where deliveries are counted. */
export interface Sink {
  count: number
}

export type Handler = (message: never) => unknown

/** What handlers do. They add to the sink the `amount` of the payload, which is 1; those of other payloads add 1. */
export type Work = 'tiny' | 'real' | 'async' | 'deferred' | 'other' | 'other-async'

const bodies: Record<Work, (payload: string) => string> = {
  tiny: (payload) => `sink.count += ${payload}.amount`,
  // A Map read and written and a text of ten characters hashed: about 25 ns.
  real: (payload) => `const { amount, key } = ${payload}
    let hash = 0
    for (let at = 0; at < 10; at++) hash = (hash * 31 + key.charCodeAt(at)) | 0
    const slot = hash & 63
    seen.set(slot, (seen.get(slot) ?? 0) + 1)
    sink.count += amount`,
  async: (payload) => `sink.count += ${payload}.amount`,
  deferred: (payload) => `await undefined
    sink.count += ${payload}.amount`,
  other: () => 'sink.count += 1',
  'other-async': () => 'sink.count += 1',
}

/** Handlers with distinct code. `payload` is where the payload stands in a `message`. */
export function handlers(count: number, work: Work, sink: Sink, payload = 'message'): Handler[] {
  const kind = work === 'tiny' || work === 'real' || work === 'other' ? 'function' : 'async function'
  const texts = Array.from({ length: count }, (_, at) => `${kind} handler${at}(message) { ${bodies[work](payload)} }`)
  return evaluate({ sink, seen: new Map() }, `return [\n${texts.join(',\n')}\n]`)
}

/** Handlers that are distinct but share their code, for numbers too large to compile one by one. */
export function closures(count: number, sink: Sink, payload = 'message'): Handler[] {
  const body = `return Array.from({ length: count }, () => function handler(message) { ${bodies.tiny(payload)} })`
  return evaluate({ sink, count }, body)
}

/** Payloads of one shape. */
export function payloads(): { readonly amount: number; readonly key: string }[] {
  return Array.from({ length: 8 }, (_, at) => ({ amount: 1, key: `customer-${at}` }))
}

/** Payloads of other shapes, as an application has them beside the one on its hot path. */
export const otherPayloads: readonly unknown[] = [
  7,
  'text',
  [1, 2, 3],
  { id: 'a1', total: 12.5 },
  { order: { lines: [{ sku: 'b2', quantity: 2 }] }, at: 1 },
  new Date(0),
]
