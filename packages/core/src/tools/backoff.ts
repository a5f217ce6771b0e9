import { atLeast, invalidArgument } from '../check.ts'

/** How waits grow; times in milliseconds. */
export interface BackoffOptions {
  /** The first wait. */
  readonly delay: number
  /** What each further wait is multiplied by, from 1 on; default 2. `Infinity` goes to `max` at once. */
  readonly factor?: number | undefined
  /** The longest wait. */
  readonly max: number
  /** The part of each wait, from 0 to 1, that chance may take off; `true` is a half, default `false`. */
  readonly jitter?: boolean | number | undefined
}

/**
 * The wait behind the n-th failed attempt, counted from 1; `random` answers from 0 up to, not with, 1. `place` stands
 * before the names of the options where one is refused: `'retry.'`, say.
 *
 * @throws TidingsError `INVALID_ARGUMENT` for a factor or a jitter that makes no sense
 */
export function backoff(options: BackoffOptions, place = ''): (attempt: number, random?: () => number) => number {
  const { factor = 2, jitter = false } = options
  atLeast(factor, 1, `${place}factor`)
  const part = typeof jitter === 'boolean' ? Number(jitter) / 2 : jitter
  if (!(part >= 0 && part <= 1)) {
    const fix = 'With 0.5 half of each wait is left to chance.'
    throw invalidArgument(`${place}jitter`, 'true, false, or a part from 0 to 1', jitter, fix)
  }
  return (attempt, random = Math.random) => full(options, attempt) * (1 - part * random())
}

/** The waits between this many attempts together, at most. */
export function longestBackoff(options: BackoffOptions, attempts: number): number {
  let sum = 0
  for (let attempt = 1; attempt < attempts; attempt++) {
    const wait = full(options, attempt)
    // From here on the wait stays as it is, and the attempts may be many.
    if (wait >= options.max || wait === full(options, attempt + 1)) return sum + wait * (attempts - attempt)
    sum += wait
  }
  return sum
}

/** The wait, before chance takes its part. */
function full({ delay, factor = 2, max }: BackoffOptions, attempt: number): number {
  // `0 * Infinity` is not a number, hence the first operand.
  return delay && Math.min(max, delay * factor ** (attempt - 1))
}
