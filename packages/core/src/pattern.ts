import { misuse } from './check.ts'

/** Whether a key is a pattern rather than an event type. */
export function isPattern(key: string): boolean {
  return key.includes('*')
}

/** The tokens of a pattern. Throws where a `*` is only a part of a token, which would match nothing as written. */
export function patternTokens(pattern: string): string[] {
  const tokens = pattern.split('.')
  for (const token of tokens) {
    if (isPattern(token) && token !== '*' && token !== '**') {
      throw misuse(
        `pattern "${pattern}" is refused at "${token}"\nA "*" stands for one whole token, "**" for any number.`,
      )
    }
  }
  return tokens
}

/**
 * A test of event types by a pattern, in which `*` stands for one dot-separated token and `**` for any number; a plain
 * event type is matched by itself. Throws a `TidingsError` `INVALID_ARGUMENT` where a `*` is only a part of a token.
 */
export function patternMatcher(pattern: string): (type: string) => boolean {
  const tokens = patternTokens(pattern)
  return isPattern(pattern) ? (type) => matches(tokens, type.split('.')) : (type) => type === pattern
}

/**
 * Whether the tokens of a type match those of a pattern: `*` is one token, `**` any number, none included.
 * In time of pattern times type at most: where the two part, only the last `**` needs to take one token more.
 */
export function matches(pattern: readonly string[], type: readonly string[]): boolean {
  let p = 0
  let t = 0
  let last = -1
  let taken = 0
  while (t < type.length) {
    if (pattern[p] === '**') {
      last = p++
      taken = t
    } else if (p < pattern.length && (pattern[p] === '*' || pattern[p] === type[t])) {
      p++
      t++
    } else if (last >= 0) {
      p = last + 1
      t = ++taken
    } else {
      return false
    }
  }
  while (pattern[p] === '**') p++
  return p === pattern.length
}
