import { createGunzip, type Gunzip } from 'node:zlib'
import { ReplayError } from '../errors.ts'

/** Deflate packs at most 1,032 to 1, so that one piece unpacks to 17 MB at the very worst. */
const PIECE = 16 * 1024

/** Whether the bytes begin as a gzip file does (RFC 1952). */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/**
 * The unpacked bytes of a gzip file, of all its members.
 *
 * A file that was cut off yields every byte that it still holds, then throws `REPLAY_GZIP_TRUNCATED`; a damaged one
 * yields what precedes the damaged block, then throws `REPLAY_GZIP_CORRUPT`.
 */
export async function* gunzipped(packed: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 4 * PIECE })
  const ready: Buffer[] = []
  const failure = watch(gunzip, ready)
  try {
    for await (const chunk of packed) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        // One piece at a time, and `end` apart from the last one: zlib drops what it has unpacked in the call that fails.
        await settled(gunzip, (done) => gunzip.write(chunk.subarray(at, at + PIECE), done))
        yield* ready.splice(0)
        if (failure.error) throw described(failure.error, path)
      }
    }
    await settled(gunzip, () => gunzip.end())
    yield* ready.splice(0)
    if (failure.error) throw described(failure.error, path)
  } finally {
    gunzip.destroy()
  }
}

function watch(gunzip: Gunzip, ready: Buffer[]): { error?: Error } {
  const failure: { error?: Error } = {}
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  gunzip.on('error', (error) => (failure.error = error))
  return failure
}

/** Until `start` calls back or, as zlib does not call back after an error or its end, until the stream is done. */
async function settled(gunzip: Gunzip, start: (done: () => void) => void): Promise<void> {
  if (gunzip.destroyed || gunzip.readableEnded) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      gunzip.off('end', done).off('close', done)
      resolve()
    }
    gunzip.on('end', done).on('close', done)
    start(done)
  })
}

function described(error: Error, path: string): ReplayError {
  if ('code' in error && error.code === 'Z_BUF_ERROR') {
    return new ReplayError(
      'REPLAY_GZIP_TRUNCATED',
      `${path} is cut off: its gzip data end too early\nThe rows before the cut are summarised. Fetch the file again.`,
      { cause: error },
    )
  }
  return new ReplayError(
    'REPLAY_GZIP_CORRUPT',
    `${path} is damaged: ${error.message}\nDo not rely on the rows that were read: damaged ones may look right. Fetch the file again.`,
    { cause: error },
  )
}
