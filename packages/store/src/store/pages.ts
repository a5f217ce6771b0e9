import type { Position } from '../position.ts'
import type { LoggedEvent, LogPage, LogQuery, Recorder, StreamPage, StreamQuery } from '../recorder/recorder.ts'

/** Events that are read at once: enough that asking costs little, few enough to hold. */
export const pageSize = 256

/** Pages of a stream until nothing is left; the first one also where there is nothing. `limit` is that of all pages. */
export async function* streamPages(recorder: Recorder, query: StreamQuery): AsyncGenerator<StreamPage, void, void> {
  let { from, to, limit } = query
  while (true) {
    const size = Math.min(limit, pageSize)
    const page = await recorder.readStream({ ...query, from, to, limit: size })
    yield page
    limit -= page.events.length
    const last = page.events.at(-1)
    if (page.events.length < size || limit === 0 || last === undefined) return
    if (query.backward) to = last.version - 1
    else from = last.version + 1
  }
}

/** Pages of the log until its end, `limit` events of all together. */
export async function* logPages(recorder: Recorder, query: LogQuery): AsyncGenerator<LogPage, void, void> {
  let { after, limit } = query
  while (limit > 0) {
    const page = await recorder.readLog({ ...query, after, limit: Math.min(limit, pageSize) })
    yield page
    if (!page.more) return
    limit -= page.events.length
    after = page.through
  }
}

/** What is due at a time, beside the log. */
export interface Alarm {
  /** Told before each look at the log: what is recorded before this moment is in the page, or behind it. */
  looking(): void
  /** Told when all of the log was read: rings when the next one is due. The function returned ends that. */
  set(ring: () => void): () => void
}

/** How a reader waits at the end of the log. */
export interface LiveOptions {
  readonly signal: AbortSignal | undefined
  /** Milliseconds after which it looks in any case. */
  readonly poll: number
  readonly alarm?: Alarm | undefined
}

/** Pages of the log, without end: where it ends for now, waits until there is more, and looks from time to time. */
export async function* livePages(
  recorder: Recorder,
  query: LogQuery,
  options: LiveOptions,
): AsyncGenerator<LogPage, void, void> {
  const { signal, poll, alarm } = options
  const bell = new Bell(recorder, signal)
  let after: Position = query.after
  try {
    while (!bell.isAborted) {
      // Before reading: what is committed behind the read rings, and is not waited for.
      bell.arm()
      alarm?.looking()
      const page = await recorder.readLog({ ...query, after })
      yield page
      after = page.through
      if (page.more) continue
      const unset = alarm?.set(() => bell.ring())
      await bell.rung(poll)
      unset?.()
    }
  } finally {
    bell.close()
  }
}

/** Whether something was committed since it was armed. */
class Bell {
  readonly #unwatch: () => void
  readonly #signal: AbortSignal | undefined
  readonly ring = (): void => {
    this.#hasRung = true
    this.#wake?.()
  }
  #hasRung = false
  #wake: (() => void) | undefined

  constructor(recorder: Recorder, signal: AbortSignal | undefined) {
    this.#unwatch = recorder.watch(this.ring)
    this.#signal = signal
    signal?.addEventListener('abort', this.ring)
  }

  get isAborted(): boolean {
    return this.#signal?.aborted === true
  }

  arm(): void {
    this.#hasRung = false
  }

  /** Resolves when it rings, has rung since it was armed, or after so many milliseconds. */
  async rung(time: number): Promise<void> {
    if (this.#hasRung || this.isAborted) return
    let timer: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, time)
    })
    clearTimeout(timer)
    this.#wake = undefined
  }

  close(): void {
    this.#unwatch()
    this.#signal?.removeEventListener('abort', this.ring)
  }
}

/** The events of pages, one after the other. */
export async function* eventsOf(
  pages: AsyncIterable<{ readonly events: readonly LoggedEvent[] }>,
): AsyncGenerator<LoggedEvent, void, void> {
  for await (const { events } of pages) yield* events
}
