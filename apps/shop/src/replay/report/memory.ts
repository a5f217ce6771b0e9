import { readFileSync } from 'node:fs'

/**
 * The most memory (resident set, bytes) that this process has held so far.
 *
 * Linux counts what the parent held at the moment of the fork into `maxRSS`; its own `VmHWM` starts at zero.
 */
export function peakMemory(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kibibytes !== undefined) return Number(kibibytes) * 1024
  } catch {
    // No Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}
