/**
 * What an append expects of its stream: the version of its latest event (0: there is none yet), `'no-stream'`, which is
 * the same as 0, `'exists'`, which is any from 1 on, or `'any'`.
 */
export type ExpectedVersion = number | 'no-stream' | 'exists' | 'any'

/** Whether a stream of this version is as an append expects it. */
export function isExpected(version: number, expected: ExpectedVersion): boolean {
  if (expected === 'any') return true
  if (expected === 'exists') return version > 0
  return version === (expected === 'no-stream' ? 0 : expected)
}
