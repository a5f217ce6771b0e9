import { invalidArgument } from './check.ts'

/** Whether a key is a pattern rather than an event type. */
export function isPattern(key: string): boolean {
  return key.includes('*')
}

/** The tokens of a pattern. Throws where a `*` is only a part of a token, which would match nothing as written. */
export function patternTokens(pattern: string): string[] {
  const tokens = pattern.split('.')
  for (const token of tokens) {
    if (isPattern(token) && token !== '*' && token !== '**') {
      throw invalidArgument(
        `pattern "${pattern}" is refused at "${token}"\nA "*" stands for one whole token, "**" for any number.`,
      )
    }
  }
  return tokens
}

/** Whether the tokens of a type match those of a pattern: `*` is one token, `**` any number, none included. */
export function matches(pattern: readonly string[], type: readonly string[], p = 0, t = 0): boolean {
  if (p === pattern.length) return t === type.length
  if (pattern[p] === '**')
    return matches(pattern, type, p + 1, t) || (t < type.length && matches(pattern, type, p, t + 1))
  return t < type.length && (pattern[p] === '*' || pattern[p] === type[t]) && matches(pattern, type, p + 1, t + 1)
}
