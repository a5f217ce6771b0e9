import { TidingsError } from '@tidings/core'

/**
 * A transport broke a promise of the contract. The first line of the message says which, what was expected and what was
 * seen; the second in which step: behind which publishes, joins and faults. A number such as `#3` stands for the id of
 * the third message that the case published.
 */
export class ConformanceError extends TidingsError<'CONFORMANCE_FAILED'> {
  override readonly name = 'ConformanceError'
  /** Which check of the case failed, counted from 1; undefined when a call failed that nobody expected to. */
  readonly check: number | undefined
  /** What the case had done before, the last twelve steps. */
  readonly after: readonly string[]

  constructor(id: string, { what, seen, check, after, cause }: Failure) {
    const step = `${check === undefined ? 'Outside of a check' : `At check ${check}`}, after: ${after.join(', ') || 'nothing'}`
    super('CONFORMANCE_FAILED', `${id}: ${what}; seen: ${seen}\n${step}`, {
      ...(cause === undefined ? {} : { cause }),
      details: { id, check, after },
    })
    this.check = check
    this.after = after
  }
}

/** What a {@link ConformanceError} tells. */
interface Failure {
  readonly what: string
  readonly seen: string
  readonly check: number | undefined
  readonly after: readonly string[]
  readonly cause?: unknown
}

/** Makes the failure of a case: what it expected, and what it saw instead. */
export type Fail = (what: string, seen: unknown, check?: number) => ConformanceError

/** Checks, for one case. */
export interface Expect {
  /** Fails unless `holds`. */
  that(holds: boolean, what: string, seen: unknown): void
  /** Fails unless both show the same; the order of the keys of an object does not matter. */
  equal(actual: unknown, expected: unknown, what: string): void
  /** As `equal`, whatever the order of the items. */
  sameItems(actual: readonly unknown[], expected: readonly unknown[], what: string): void
  /** Waits until `holds`, at most for the time of the kit. */
  eventually(holds: () => boolean | Promise<boolean>, what: string, seen: () => unknown): Promise<void>
  /** Fails as soon as `happens`, watching for `time` milliseconds; left out, for the quiet time of the kit. */
  never(happens: () => boolean, what: string, seen: () => unknown, time?: number): Promise<void>
  /** What the promise rejects with; fails when it resolves, or does neither in time. */
  rejection(promise: PromiseLike<unknown>, what: string, time?: number): Promise<unknown>
  /** What the promise resolves to; fails when it does nothing in time. */
  inTime<T>(promise: PromiseLike<T>, what: string, time?: number): Promise<T>
}

/** The checks of a case, whose failures `failure` makes; times in milliseconds. */
export function expectations(failure: Fail, within: number, quiet: number): Expect {
  let checks = 0
  const inTime = async <T>(promise: PromiseLike<T>, what: string, time = within): Promise<T> => {
    const check = ++checks
    const late = Symbol('late')
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<typeof late>((resolve) => (timer = setTimeout(() => resolve(late), time)))
    try {
      const result = await Promise.race([promise, timeout])
      if (result === late) throw failure(what, `nothing for ${time}ms`, check)
      return result
    } finally {
      clearTimeout(timer)
    }
  }
  const equal = (actual: unknown, expected: unknown, what: string): void => {
    const check = ++checks
    if (shown(actual) !== shown(expected)) throw failure(`${what}: expected ${shown(expected)}`, actual, check)
  }
  return {
    equal,
    sameItems: (actual, expected, what) => equal(inOrder(actual), inOrder(expected), what),
    that(holds, what, seen) {
      const check = ++checks
      if (!holds) throw failure(what, seen, check)
    },
    async eventually(holds, what, seen) {
      const check = ++checks
      const end = Date.now() + within
      while (!(await holds())) {
        if (Date.now() > end) throw failure(`${what}, within ${within}ms`, seen(), check)
        await pause(3)
      }
    },
    async never(happens, what, seen, time = quiet) {
      const check = ++checks
      const end = Date.now() + time
      do {
        if (happens()) throw failure(what, seen(), check)
        await pause(3)
      } while (Date.now() < end)
      if (happens()) throw failure(what, seen(), check)
    },
    inTime,
    async rejection(promise, what, time) {
      const check = checks + 1
      const outcome = await inTime(settled(promise), what, time)
      if (outcome.status === 'fulfilled') throw failure(what, 'it resolved', check)
      return outcome.reason
    },
  }
}

async function settled(promise: PromiseLike<unknown>): Promise<PromiseSettledResult<unknown>> {
  const [outcome] = await Promise.allSettled([promise])
  return outcome
}

/** Milliseconds pass. Nothing is concluded from it alone: it paces a poll, or plays a slow handler. */
export function pause(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time))
}

/** A value on one line, cut where it is long. */
export function shown(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message.split('\n')[0]}`
  const text = typeof value === 'string' ? value : (JSON.stringify(value, sorted) ?? String(value))
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters, ${hash(text)})` : text
}

function inOrder(items: readonly unknown[]): unknown[] {
  return items.toSorted((a, b) => (shown(a) < shown(b) ? -1 : 1))
}

function sorted(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${[...value].join(' ')}`
  if (value === undefined) return '(undefined)'
  if (typeof value === 'number' && !Number.isFinite(value)) return `(${value})`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

// So that long texts that differ behind the cut are told apart.
function hash(text: string): string {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return (hash >>> 0).toString(16)
}
