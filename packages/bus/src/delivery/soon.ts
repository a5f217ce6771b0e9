import { systemClock } from '../clock.ts'

/** An answer of the broker, if it gives one within a second of real time: who asks for health does so when it may not. */
export async function soon<T>(ask: () => Promise<T>): Promise<T | undefined> {
  let cancel: (() => void) | undefined
  const late = new Promise<undefined>((resolve) => {
    cancel = systemClock.after(1000, () => resolve(undefined))
  })
  try {
    return await Promise.race([ask().catch(() => undefined), late])
  } finally {
    cancel?.()
  }
}
