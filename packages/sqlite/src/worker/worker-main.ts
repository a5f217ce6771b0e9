/** The thread that has a file open, for {@link FileWorker}. */
import { BusClosedError, plainError } from '@tidings/bus/transport'
import { parentPort, workerData } from 'node:worker_threads'
import { sqlite } from '../sqlite.ts'
import {
  type Batch,
  type Call,
  Outbox,
  type Served,
  type Target,
  theFile,
  type Told,
  type WorkerSettings,
} from './protocol.ts'
import { servedFile } from './served-file.ts'

const port = parentPort!
const outbox = new Outbox<Told>(port)
const targets = new Map<Target, Served>()

targets.set(
  theFile,
  servedFile(sqlite(workerData as WorkerSettings), {
    serve: (target, served) => void targets.set(target, served),
    forget: (target) => void targets.delete(target),
    tell: (at, event, ...args) => outbox.push({ at, event, args }),
  }),
)

/** Milliseconds until what was called is done although the application has not seen the last batch. */
const longestWait = 2
/** What waits for that. */
let waiting: Call[] = []
const timer = setTimeout(doWaiting, longestWait)

port.on('message', ({ items, seen }: Batch<Call>) => {
  waiting = waiting.concat(items)
  if (seen === outbox.sent) doWaiting()
  else if (items.length > 0) timer.refresh()
})

function doWaiting(): void {
  const calls = waiting
  waiting = []
  for (const call of calls) void answer(call)
}

async function answer([n, target, method, args]: Call): Promise<void> {
  try {
    const served = targets.get(target)
    if (served === undefined) throw new BusClosedError(`${method}()`)
    const value = await served[method]!(...(args as never[]))
    outbox.push({ done: n, value })
  } catch (error) {
    outbox.push({ failed: n, error: plainError(error) })
  }
}
