import { tidingsAppends, appendsByHand } from './appends.ts'
import type { Contender } from './duel.ts'
import { tidingsBehind, tidingsHandling } from './handlers.ts'
import { readyRows } from './limit.ts'
import { tidingsPublisher } from './publishers.ts'

/** So that the disk, which does not grow, is as little of it as may be. */
const durability = 'normal'
const callers = 64
/** What the log is filled with at a time. */
const perCommit = 1000

/** What grows, and what is done then: a contestant by the file and the number. */
export const growing: Readonly<Record<string, (file: string, size: number) => Promise<Contender>>> = {
  publish: async (file, before) => {
    await filled(await readyRows({ file, durability, perCommit }), before)
    return tidingsPublisher({ file, durability, inFlight: callers, before })
  },
  handle: async (file, before) => {
    await filled(await readyRows({ file, durability, perCommit }), before)
    return tidingsHandling({ file, durability, inFlight: callers, before, idempotent: true })
  },
  append: async (file, before) => {
    const options = { file, durability, streams: 10_000 } as const
    await filled(await appendsByHand({ ...options, callers: perCommit, batch: 1 }), before)
    return tidingsAppends({ ...options, callers, batch: 1, before })
  },
  behind: (file, waiting) => tidingsBehind({ file, durability, inFlight: callers, waiting }),
}

/** Has a loop write so many rows, and reads them back. */
async function filled({ subject, close }: Contender, rows: number): Promise<void> {
  await subject.run(rows / perCommit)
  await close()
}
