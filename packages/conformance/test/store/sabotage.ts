import { encodeEvent, type EncodedEvent } from '@tidings/events'
import { ConcurrencyError, type Position } from '@tidings/store'
import type { Commit, LoggedEvent, Recorder, StreamAppend, StreamAppended } from '@tidings/store/recorder'
import type { Alter } from './shared.ts'
import { Happened } from '../../src/store/happenings.ts'

/** A promise of the store, broken on purpose, and the cases that must find out. */
export interface StoreMutation {
  readonly breaks: string
  readonly foundBy: readonly string[]
  /** Of the log that all share. */
  readonly alter?: Alter
  /** Of the log as one has opened it. */
  readonly alterOpened?: Alter
}

/** Breaks what is written. */
const writing = (breaks: string, foundBy: readonly string[], change: (commit: Commit) => Commit): StoreMutation => ({
  breaks,
  foundBy,
  alter: (recorder) => ({ commit: (commit) => recorder.commit(change(commit)) }),
})

/** Breaks each append. */
const appends = (
  breaks: string,
  foundBy: readonly string[],
  change: (append: StreamAppend) => StreamAppend,
): StoreMutation => writing(breaks, foundBy, (commit) => ({ ...commit, appends: commit.appends?.map(change) }))

/** Breaks what is said of each append. */
const results = (
  breaks: string,
  foundBy: readonly string[],
  change: (result: StreamAppended) => StreamAppended,
): StoreMutation => ({
  breaks,
  foundBy,
  alter: (recorder) => ({
    async commit(commit) {
      const committed = await recorder.commit(commit)
      return { ...committed, appends: committed.appends.map(change) }
    },
  }),
})

/** Breaks each event as it is read, from a stream and from the log. */
const reading = (
  breaks: string,
  foundBy: readonly string[],
  change: (event: LoggedEvent) => LoggedEvent,
): StoreMutation => ({
  breaks,
  foundBy,
  alter: (recorder) => ({
    async readStream(query) {
      const page = await recorder.readStream(query)
      return { ...page, events: page.events.map(change) }
    },
    async readLog(query) {
      const page = await recorder.readLog(query)
      return { ...page, events: page.events.map(change) }
    },
  }),
})

const streams = (
  breaks: string,
  foundBy: readonly string[],
  readStream: (recorder: Recorder, query: Parameters<Recorder['readStream']>[0]) => ReturnType<Recorder['readStream']>,
): StoreMutation => ({ breaks, foundBy, alter: (recorder) => ({ readStream: (query) => readStream(recorder, query) }) })

const logs = (
  breaks: string,
  foundBy: readonly string[],
  readLog: (recorder: Recorder, query: Parameters<Recorder['readLog']>[0]) => ReturnType<Recorder['readLog']>,
): StoreMutation => ({ breaks, foundBy, alter: (recorder) => ({ readLog: (query) => readLog(recorder, query) }) })

/** Gives everybody else a turn, as a database does. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** An event with another identity, so that no log knows it. */
const unknown = (event: EncodedEvent): EncodedEvent => {
  const { attributes } = encodeEvent(Happened.create({ number: 0 }))
  return { ...event, attributes: { ...event.attributes, id: attributes['id']! } }
}

const textual = (event: LoggedEvent, change: (text: string) => string): LoggedEvent => {
  const { body } = event.event
  return { ...event, event: { ...event.event, body: typeof body === 'string' ? change(body) : body } }
}

export const storeMutations: readonly StoreMutation[] = [
  // What the stores of Emmett disagree on, the first ones.
  appends('takes any version for the one expected', ['S02', 'S05', 'S06', 'S37'], (append) => ({
    ...append,
    expected: 'any',
  })),
  appends('does not ask whether a stream must be new', ['S03'], (append) =>
    append.expected === 'no-stream' || append.expected === 0 ? { ...append, expected: 'any' } : append,
  ),
  appends('does not ask whether a stream must be there', ['S03', 'S08'], (append) =>
    append.expected === 'exists' ? { ...append, expected: 'any' } : append,
  ),
  {
    breaks: 'says -1 for the version that a stream has',
    foundBy: ['S05'],
    alter: (recorder) => ({
      commit: (commit) =>
        recorder.commit(commit).catch((error: unknown) => {
          if (!(error instanceof ConcurrencyError)) throw error
          throw new ConcurrencyError(error.stream, error.expected, -1)
        }),
    }),
  },
  {
    breaks: 'lets one of two parallel appends fail that expect nothing',
    foundBy: ['S04', 'S09'],
    alter: (recorder) => {
      const busy = new Set<string>()
      return {
        async commit(commit) {
          const names = commit.appends?.map(({ stream }) => stream) ?? []
          const taken = names.find((name) => busy.has(name))
          if (taken !== undefined) throw new ConcurrencyError(taken, 'any', 0)
          for (const name of names) busy.add(name)
          await turn()
          return recorder.commit(commit).finally(() => names.forEach((name) => busy.delete(name)))
        },
      }
    },
  },
  {
    breaks: 'takes no events for a conflict',
    foundBy: ['S08'],
    alter: (recorder) => ({
      async commit(commit) {
        const empty = commit.appends?.find(({ events }) => events.length === 0)
        if (empty !== undefined) throw new ConcurrencyError(empty.stream, empty.expected, -1)
        return recorder.commit(commit)
      },
    }),
  },
  streams('counts from the beginning what is to be read', ['S13'], (recorder, query) =>
    recorder.readStream(query.backward ? query : { ...query, limit: query.limit + query.from - 1 }),
  ),
  streams('says the version of the last event that it read', ['S14'], async (recorder, query) => {
    const page = await recorder.readStream(query)
    return { ...page, state: { ...page.state, version: page.events.at(-1)?.version ?? page.state.version } }
  }),
  streams('does not know a stream past its end', ['S14'], async (recorder, query) => {
    const page = await recorder.readStream(query)
    return query.to > 0 && page.events.length === 0 ? { ...page, state: { ...page.state, version: 0 } } : page
  }),

  // Appends.
  results('counts versions from 0', ['S01', 'S09'], (result) => ({
    ...result,
    firstVersion: result.firstVersion - 1,
    lastVersion: result.lastVersion - 1,
  })),
  results('tells the position of the first event', ['S01'], (result) => ({
    ...result,
    position: (result.position - (result.lastVersion - result.firstVersion)) as Position,
  })),
  {
    breaks: 'asks for the version before it writes, and not while',
    foundBy: ['S03'],
    alter: (recorder) => ({
      async commit(commit) {
        const [append] = commit.appends ?? []
        if (append?.expected !== 'no-stream') return recorder.commit(commit)
        const query = { stream: append.stream, from: 1, to: 0, limit: 1, backward: false }
        const { version } = (await recorder.readStream(query)).state
        await turn()
        if (version > 0) throw new ConcurrencyError(append.stream, 'no-stream', version)
        return recorder.commit({ ...commit, appends: [{ ...append, expected: 'any' }] })
      },
    }),
  },
  {
    breaks: 'compares versions in 32 bits',
    foundBy: ['S06'],
    alter: (recorder) => ({
      commit: (commit) =>
        recorder.commit({
          ...commit,
          appends: commit.appends?.map((append) =>
            typeof append.expected === 'number' ? { ...append, expected: append.expected | 0 } : append,
          ),
        }),
    }),
  },
  {
    breaks: 'writes the events of an append one by one',
    foundBy: ['S07'],
    alter: (recorder) => ({
      async commit(commit) {
        const [append] = commit.appends ?? []
        if (append === undefined || append.events.length < 2 || append.expected !== 'any')
          return recorder.commit(commit)
        let first: StreamAppended | undefined
        let last: Awaited<ReturnType<Recorder['commit']>> | undefined
        for (const event of append.events) {
          await turn()
          last = await recorder.commit({ appends: [{ ...append, events: [event] }] })
          first ??= last.appends[0]
        }
        return { ...last!, appends: [{ ...last!.appends[0]!, firstVersion: first!.firstVersion }] }
      },
    }),
  },
  {
    breaks: 'appends to several streams one after the other',
    foundBy: ['S09', 'S28'],
    alter: (recorder) => ({
      async commit(commit) {
        const several = commit.appends ?? []
        if (several.length < 2) return recorder.commit(commit)
        const done = []
        for (const append of several) done.push(await recorder.commit({ appends: [append] }))
        return { ...done.at(-1)!, appends: done.map(({ appends }) => appends[0]!) }
      },
    }),
  },
  {
    breaks: 'answers in the order of the names of the streams',
    foundBy: ['S09'],
    alter: (recorder) => ({
      async commit(commit) {
        const sorted = commit.appends?.toSorted((a, b) => (a.stream < b.stream ? -1 : 1))
        return recorder.commit({ ...commit, appends: sorted })
      },
    }),
  },

  // Events that come again.
  appends('does not know an event that comes again', ['S10', 'S11', 'S26'], (append) => ({
    ...append,
    events: append.events.map(unknown),
  })),
  results('does not say that the events were there', ['S10'], (result) => ({ ...result, repeated: false })),
  {
    breaks: 'forgets what it has taken when it is opened again',
    foundBy: ['S10'],
    alter: (recorder) => {
      let commits = 0
      return {
        commit: (commit) =>
          recorder.commit(
            ++commits % 2 === 0
              ? commit
              : { ...commit, appends: commit.appends?.map((each) => ({ ...each, events: each.events.map(unknown) })) },
          ),
      }
    },
  },
  appends('names an event by its id alone', ['S11'], (append) => ({
    ...append,
    events: append.events.map((event) => ({ ...event, attributes: { ...event.attributes, source: '/' } })),
  })),
  ...(
    [
      ['takes capital letters for small ones', (name) => name.toLowerCase()],
      ['drops spaces at the end', (name) => name.trimEnd()],
      ['takes two ways to write an accent for one', (name) => name.normalize()],
      ['cuts names', (name) => name.slice(0, 255)],
    ] as readonly (readonly [string, (name: string) => string])[]
  ).map(([breaks, change]): StoreMutation => ({
    breaks: `${breaks} in the name of a stream`,
    foundBy: ['S12'],
    alter: (recorder) => ({
      commit: (commit) =>
        recorder.commit({
          ...commit,
          appends: commit.appends?.map((append) => ({ ...append, stream: change(append.stream) })),
        }),
      readStream: (query) => recorder.readStream({ ...query, stream: change(query.stream) }),
    }),
  })),

  // Reading.
  streams('leaves out the end of a range', ['S13'], (recorder, query) =>
    recorder.readStream({ ...query, to: Math.min(query.to, 2 ** 40) - 1 }),
  ),
  streams('reads backward from the beginning', ['S13'], async (recorder, query) => {
    const page = await recorder.readStream({ ...query, backward: false })
    return query.backward ? { ...page, events: page.events.toReversed() } : page
  }),
  streams('knows no past', ['S15'], (recorder, query) => recorder.readStream({ ...query, until: undefined })),
  logs('knows no past of the log', ['S15'], (recorder, query) => recorder.readLog({ ...query, until: undefined })),

  // Contents.
  reading('takes a text for a C string', ['S16'], (event) => textual(event, (text) => text.replace('\\u0000', ''))),
  reading('cuts what is long', ['S16'], (event) =>
    textual(event, (text) => (text.length > 65_536 ? '{"value":""}' : text)),
  ),
  reading('sorts the keys of data, as a binary JSON does', ['S16'], (event) =>
    textual(event, (text) => text.replace('{"z":1,"a":{"9":"nine","10":"ten"}', '{"a":{"9":"nine","10":"ten"},"z":1')),
  ),
  reading('writes times in its own way', ['S17'], (event) => ({
    ...event,
    event: {
      ...event.event,
      attributes: { ...event.event.attributes, time: new Date(String(event.event.attributes['time'])).toISOString() },
    },
  })),
  appends('drops what it does not know', ['S17'], (append) => ({
    ...append,
    events: append.events.map((event) => ({
      ...event,
      attributes: Object.fromEntries(Object.entries(event.attributes).filter(([name]) => name !== 'tenant')),
    })),
  })),
  reading('takes its time from the events', ['S17'], (event) => ({
    ...event,
    recordedAt: Date.parse(String(event.event.attributes['time'])),
  })),
  reading('brings the stored version up itself', ['S18'], (event) => ({
    ...event,
    event: {
      ...event.event,
      attributes: {
        ...event.event.attributes,
        dataversion: Math.max(1, Number(event.event.attributes['dataversion']) - 1),
      },
    },
  })),
  appends('counts the versions of another log anew', ['S19'], ({ restored, ...append }) => ({
    ...append,
    ...(restored && { restored: { ...restored, firstVersion: 1 } }),
  })),
  appends('takes its own time for that of another log', ['S19'], ({ restored, ...append }) => ({
    ...append,
    ...(restored && { restored: { ...restored, recordedAt: restored.recordedAt.map(() => Date.now()) } }),
  })),

  // The log.
  logs('orders the log by streams', ['S20', 'S23'], async (recorder, query) => {
    const page = await recorder.readLog(query)
    return { ...page, events: page.events.toSorted((a, b) => (a.stream < b.stream ? -1 : 1)) }
  }),
  {
    breaks: 'commits out of order, so that a reader passes over what comes late',
    foundBy: ['S21', 'S23'],
    alter: (recorder) => {
      const hidden = new Set<number>()
      return {
        async commit(commit) {
          const committed = await recorder.commit(commit)
          const [append] = committed.appends
          if (append === undefined || Math.random() < 0.5) return committed
          hidden.add(append.position)
          await turn()
          hidden.delete(append.position)
          return committed
        },
        async readLog(query) {
          const page = await recorder.readLog(query)
          return { ...page, events: page.events.filter(({ position }) => !hidden.has(position)) }
        },
      }
    },
  },
  logs('gives the last event of a page again', ['S21', 'S23'], (recorder, query) =>
    recorder.readLog({ ...query, after: Math.max(0, query.after - 1) as Position }),
  ),
  logs('takes any stream for one of the category that its name begins with', ['S22'], async (recorder, query) => {
    if (query.category === undefined) return recorder.readLog(query)
    const page = await recorder.readLog({ ...query, category: undefined })
    return { ...page, events: page.events.filter(({ stream }) => stream.startsWith(query.category!)) }
  }),
  logs('takes no types for all types', ['S22'], (recorder, query) =>
    recorder.readLog({ ...query, types: query.types?.length === 0 ? undefined : query.types }),
  ),
  logs('takes a page with too few that fit for the end', ['S22'], async (recorder, query) => {
    const page = await recorder.readLog({ ...query, types: undefined })
    const fits = ({ event }: LoggedEvent): boolean => query.types?.includes(String(event.attributes['type'])) !== false
    const events = page.events.filter(fits)
    return { ...page, events, more: events.length === query.limit }
  }),
  {
    breaks: 'never says that something was committed, and a reader sleeps through it',
    foundBy: ['S23'],
    alter: () => ({ watch: () => () => {} }),
  },
  {
    breaks: 'lets others see what is rolled back',
    foundBy: ['S24'],
    alter: (recorder) => ({
      async commit(commit) {
        const [append] = commit.appends ?? []
        if (append?.expected === 1000) await recorder.commit({ appends: [{ ...append, expected: 'any' }] })
        return recorder.commit(commit)
      },
    }),
  },
  {
    breaks: 'lets those wait for ever who follow it when it is closed',
    foundBy: ['S25'],
    alterOpened: () => ({ close: async () => {} }),
  },
  {
    breaks: 'keeps what was acknowledged last in a buffer',
    foundBy: ['S26'],
    alter: (recorder) => {
      return {
        async commit(commit) {
          if (commit.records !== undefined) {
            return { appends: [], position: 0 as Position, revisions: [1] }
          }
          return recorder.commit(commit)
        },
      }
    },
  },

  // Removal.
  writing('removes nothing', ['S27', 'S28', 'S37'], (commit) => ({ ...commit, cuts: undefined })),
  {
    breaks: 'counts versions anew behind a cut',
    foundBy: ['S27'],
    alter: (recorder) => ({
      async readStream(query) {
        const page = await recorder.readStream(query)
        const { truncatedBefore, version } = page.state
        return truncatedBefore > version ? { ...page, state: { ...page.state, version: 0 } } : page
      },
    }),
  },
  {
    breaks: 'uses the position of what is removed again',
    foundBy: ['S27', 'S28'],
    alter: (recorder) => {
      let removed = 0
      return {
        async commit(commit) {
          const committed = await recorder.commit(commit)
          const result = {
            ...committed,
            appends: committed.appends.map((each) => ({ ...each, position: (each.position - removed) as Position })),
          }
          if (commit.cuts?.some(({ before, tombstone }) => tombstone || before > 3)) removed += 5
          return result
        },
      }
    },
  },
  writing('cuts a stream that is to end, and leaves it open', ['S28'], (commit) => ({
    ...commit,
    cuts: commit.cuts?.map((cut) => ({ ...cut, tombstone: false })),
  })),

  // Records.
  writing('writes records whatever their revision', ['S29', 'S30'], (commit) => ({
    ...commit,
    records: commit.records?.map(({ key, value }) => ({ key, value })),
  })),
  {
    breaks: 'writes records beside the commit',
    foundBy: ['S30'],
    alter: (recorder) => ({
      async commit({ records, ...commit }) {
        const first = await recorder.commit(commit)
        if (records === undefined) return first
        const { revisions } = await recorder.commit({ records })
        return { ...first, revisions }
      },
    }),
  },
  {
    breaks: 'lists records in the order of their writing',
    foundBy: ['S31'],
    alter: (recorder) => ({
      async listRecords(query) {
        return (await recorder.listRecords(query)).toSorted(
          (a, b) => a.position - b.position || (a.key < b.key ? 1 : -1),
        )
      },
    }),
  },
  {
    breaks: 'takes the beginning of a key for a pattern',
    foundBy: ['S31'],
    alter: (recorder) => ({
      async listRecords(query) {
        const records = await recorder.listRecords({ ...query, prefix: '', limit: 1e6 })
        const prefix = query.prefix.toLowerCase()
        return records.filter(({ key }) => key.toLowerCase().startsWith(prefix)).slice(0, query.limit)
      },
    }),
  },

  // What stands on all of these.
  writing('forgets the version of a stream that another log has emptied', ['S19'], (commit) => ({
    ...commit,
    cuts: commit.cuts?.map(({ stream, before, tombstone }) => ({ stream, before, tombstone })),
  })),
  writing('lets a subscription write its checkpoint that was overtaken', ['S32'], (commit) => ({
    ...commit,
    records: commit.records?.map(({ key, value }) => ({ key, value })),
  })),
  writing('writes the checkpoint of a projection without its states', ['S33'], (commit) => ({
    ...commit,
    records: commit.records?.slice(0, 1),
  })),
  {
    breaks: 'writes records before it checks the appends',
    foundBy: ['S30', 'S34'],
    alter: (recorder) => ({
      async commit({ records, ...commit }) {
        const { revisions } = await recorder.commit({ records })
        return { ...(await recorder.commit(commit)), revisions }
      },
    }),
  },
  {
    breaks: 'loses records when it is asked for one',
    foundBy: ['S35'],
    alter: () => ({ readRecord: async () => undefined }),
  },
  writing('does not write the records of a commit that has events', ['S30', 'S38'], (commit) =>
    commit.appends?.some(({ events }) => events.length > 0) === true ? { ...commit, records: [] } : commit,
  ),
  writing('lets two processes write one mark', ['S39'], (commit) => ({
    ...commit,
    records: commit.records?.map(({ key, value }) => ({ key, value })),
  })),
  {
    breaks: 'lists the last records first',
    foundBy: ['S31', 'S40'],
    alter: (recorder) => ({
      async listRecords(query) {
        const all = await recorder.listRecords({ prefix: query.prefix, limit: 1e6 })
        return all.toReversed().slice(0, query.after === undefined ? query.limit : 0)
      },
    }),
  },
  writing('keeps records that are removed', ['S29', 'S40'], (commit) => ({
    ...commit,
    records: commit.records?.filter(({ value }) => value !== undefined),
  })),
  {
    breaks: 'gives all parts of a projection the records of the first',
    foundBy: ['S42'],
    alter: (recorder) => {
      const first = (key: string): string => key.replace(/\/part\/\d+of/, '/part/0of')
      return {
        commit: (commit) =>
          recorder.commit({
            ...commit,
            records: commit.records?.map(({ key, value }) => ({ key: first(key), value })),
          }),
        readRecord: (key) => recorder.readRecord(first(key)),
      }
    },
  },
  reading('loses attributes that it does not know', ['S41'], (event) => {
    const { sealed: _, ...attributes } = event.event.attributes
    return { ...event, event: { ...event.event, attributes } }
  }),
  appends('takes its own time for that of an export', ['S36'], ({ restored, ...append }) => ({
    ...append,
    ...(restored && { restored: { ...restored, recordedAt: restored.recordedAt.map(() => Date.now() + 1) } }),
  })),
]
