/** Causes that are looked at: more than anybody wraps by hand, and an end to a chain that leads back. */
const deepest = 16

/**
 * Whether no further attempt can help, by the word of the error: `retryable: false`, as `PermanentError` of the bus has
 * it. An error that does not say takes the word of its cause, so that a wrapped one is final too; one that wraps a
 * final error and is worth another attempt all the same says `retryable: true`. Never throws, whatever was thrown.
 */
export function isFinal(error: unknown): boolean {
  try {
    let current = error as { readonly retryable?: unknown; readonly cause?: unknown } | null | undefined
    for (let depth = 0; depth <= deepest && current != null; depth++) {
      const { retryable } = current
      if (typeof retryable === 'boolean') return !retryable
      current = current.cause as typeof current
    }
  } catch {
    // A getter may throw, and a revoked proxy does: what cannot be asked has not said that it is final.
  }
  return false
}
