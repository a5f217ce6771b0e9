import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Keeps all cores but one busy, and one at least, until it is disposed of. */
export function busyCores(): { readonly count: number } & Disposable {
  // Ends by itself where this process ends without a word.
  const loop = `while (process.ppid === ${process.pid});`
  const count = Math.max(1, availableParallelism() - 1)
  const busy = Array.from({ length: count }, () => spawn(process.execPath, ['-e', loop], { stdio: 'ignore' }))
  return {
    count,
    [Symbol.dispose]: () => {
      for (const each of busy) each.kill()
    },
  }
}
