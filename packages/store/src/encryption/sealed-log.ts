import { over } from '@tidings/core/tools'
import type { LoggedEvent, Recorder } from '../recorder/recorder.ts'
import type { Sealer } from './sealer.ts'

/** The bytes below what is opened. */
const stored: unique symbol = Symbol('stored')

/** A log in which all that is sensitive is sealed, and which opens what it reads. */
export function sealedLog(recorder: Recorder, sealer: Sealer): Recorder {
  const opened = async <Page extends { readonly events: readonly LoggedEvent[] }>(page: Page): Promise<Page> => {
    const events = await Promise.all(
      page.events.map(async (logged) => {
        const event = await sealer.open(logged.event)
        return event === logged.event ? logged : { ...logged, event }
      }),
    )
    return { ...page, events }
  }
  return over<Recorder & { [stored]?: Recorder }>(recorder, {
    [stored]: recorder,
    async commit(commit) {
      if (commit.appends === undefined) return recorder.commit(commit)
      const appends = await Promise.all(
        commit.appends.map(async (append) => {
          return {
            ...append,
            events: await Promise.all(append.events.map((event) => sealer.seal(event, append.stream))),
          }
        }),
      )
      return recorder.commit({ ...commit, appends })
    },
    readStream: async (query) => opened(await recorder.readStream(query)),
    readLog: async (query) => opened(await recorder.readLog(query)),
  })
}

/** The log with the bytes as they are stored, sealed where they are. */
export function storedIn(recorder: Recorder & { readonly [stored]?: Recorder }): Recorder {
  return recorder[stored] ?? recorder
}
