import { isTidingsError } from '@tidings/core'

/** Milliseconds for which SQLite itself waits for another writer, and the whole process with it; beyond it the wait is ours. */
export const shortWait = 20
/** Milliseconds between two tries. */
const betweenTries = 5

/**
 * Does a step that may find the file locked: at once, or when other processes have ended theirs, `patience` milliseconds
 * later at most, and without this process standing still. Throws or rejects with what the step throws.
 */
export function patiently<Result>(step: () => Result, patience: number): Result | Promise<Result> {
  try {
    return step()
  } catch (error) {
    if (!isTidingsError(error, 'SQLITE_BUSY')) throw error
    return later(step, patience)
  }
}

/** By the time of the machine: so do the other processes. */
async function later<Result>(step: () => Result, patience: number): Promise<Result> {
  for (const end = performance.now() + patience; ;) {
    await new Promise((resolve) => setTimeout(resolve, betweenTries))
    try {
      return step()
    } catch (error) {
      if (!isTidingsError(error, 'SQLITE_BUSY') || performance.now() > end) throw error
    }
  }
}
