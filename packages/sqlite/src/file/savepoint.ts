import type { Statements } from './statements.ts'

/**
 * Does a part of a transaction that can be undone alone. Undefined, or what it has thrown, and then it was undone; throws
 * where the file cannot even do that, as it has undone more by itself.
 */
export function inSavepoint(statements: Statements, part: () => void): { readonly error: unknown } | undefined {
  statements.exec('SAVEPOINT tidings_part')
  try {
    part()
  } catch (error) {
    statements.exec('ROLLBACK TO tidings_part')
    statements.exec('RELEASE tidings_part')
    return { error }
  }
  statements.exec('RELEASE tidings_part')
  return undefined
}
