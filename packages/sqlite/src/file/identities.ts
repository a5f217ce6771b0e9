import { Greatest } from './greatest.ts'
import type { Statements } from './statements.ts'

/** The greatest id of each source among the events of streams, whose identity is both, with a line break between. */
export function identitiesIn(statements: Statements): Greatest<string> {
  const last = statements.prepare(
    'SELECT identity FROM tidings_log WHERE identity >= ? AND identity < ? ORDER BY identity DESC LIMIT 1',
  )
  return new Greatest((source) => {
    // Up to the character behind the line break.
    const identity = last.get(`${source}\n`, `${source}\v`)?.[0] as string | undefined
    return identity?.slice(source.length + 1)
  })
}
