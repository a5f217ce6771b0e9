import type { Clock } from '../clock.ts'

/**
 * Resolves when the work has ended, well or not, or after so many milliseconds: for the end of a connection, where what
 * could not be told to the broker is found out by it. Never rejects.
 */
export async function within(work: () => Promise<unknown>, timeout: number, clock: Clock): Promise<void> {
  let cancel: (() => void) | undefined
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(timeout, resolve)
  })
  try {
    await Promise.race([work(), late])
  } catch {
    // There is nobody left to tell.
  } finally {
    cancel?.()
  }
}
