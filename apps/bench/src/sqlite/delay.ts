import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Appending, tidingsAppends } from './appends.ts'
import type { Contender } from './duel.ts'
import { type Durability, scratch } from './files.ts'
import { tidingsHandling } from './handlers.ts'
import { readyRows } from './limit.ts'
import { tidingsPublisher } from './publishers.ts'

const writers = 64
const warmUp = 1000
const watched = 3000
/** Milliseconds between two looks at the loop: part of what is told. */
const resolution = 1

/** Who writes. */
const writing: Readonly<Record<string, (file: string, durability: Durability) => Promise<Contender>>> = {
  publish: (file, durability) => tidingsPublisher({ file, durability, inFlight: writers }),
  append: (file, durability) => {
    const options: Appending = { file, durability, callers: writers, batch: 1, streams: 10_000 }
    return tidingsAppends(options)
  },
  handle: (file, durability) => tidingsHandling({ file, durability, inFlight: writers, idempotent: true }),
  loop: (file, durability) => readyRows({ file, durability, perCommit: writers }),
}

/** Milliseconds that the event loop comes late while 64 write without a pause: of 100 looks, 99 are no later. */
export async function loopDelay(who: string, durability: Durability): Promise<number> {
  const files = scratch()
  const { subject, close } = await writing[who]!(files.file('contestant.db'), durability)
  await writeFor(subject, warmUp)
  const delays = monitorEventLoopDelay({ resolution })
  delays.enable()
  await writeFor(subject, watched)
  delays.disable()
  await close()
  files.remove()
  return delays.percentile(99) / 1e6
}

async function writeFor(subject: Contender['subject'], milliseconds: number): Promise<void> {
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    await subject.run(1)
    // A loop by hand is one turn for each commit.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
