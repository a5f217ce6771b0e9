import type { Recorder, RecordWrite } from '../recorder/recorder.ts'

const prefix = 'cut/'

/** Notes that something of a stream was removed, so that an export finds the streams of which nothing is left. */
export function cutRecord(stream: string): RecordWrite {
  return { key: prefix + stream, value: '"cut"' }
}

/** The streams of which something was removed. */
export async function* cutStreams(recorder: Recorder): AsyncGenerator<string, void, void> {
  for (let after: string | undefined; ;) {
    const records = await recorder.listRecords({ prefix, after, limit: 256 })
    for (const { key } of records) yield key.slice(prefix.length)
    after = records.at(-1)?.key
    if (after === undefined) return
  }
}
