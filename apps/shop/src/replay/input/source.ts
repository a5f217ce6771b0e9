import { type FileHandle, open } from 'node:fs/promises'
import { ReplayError } from '../errors.ts'
import { gunzipped, isGzip } from './gzip.ts'

const CHUNK = 64 * 1024

/** The bytes of a file, unpacked where they are gzip, whatever its name. */
export interface Source {
  readonly path: string
  /** Bytes on disk; 0 where it has no size, such as a pipe. */
  readonly size: number
  /** Bytes read from disk so far: of `size`, so compressed ones where it is compressed. */
  readonly bytesRead: number
  /** The unpacked bytes, once; throws a {@link ReplayError} after what could be read. */
  chunks(): AsyncIterable<Buffer>
  close(): Promise<void>
}

/** Opens a file for reading. Throws a {@link ReplayError} that says what stands in its place or in the way. */
export async function openSource(path: string): Promise<Source> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) throw isDirectory(path)
    return new FileSource(path, file, stats.size)
  } catch (error) {
    await file.close()
    throw error instanceof ReplayError ? error : unreadable(path, error)
  }
}

class FileSource implements Source {
  readonly path: string
  readonly size: number
  readonly #file: FileHandle
  #bytesRead = 0

  constructor(path: string, file: FileHandle, size: number) {
    this.path = path
    this.#file = file
    this.size = size
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const raw = this.#raw()
    const head = await atLeast(raw, 4)
    if (isArchive(head)) throw notCsv(this.path)
    const whole = prepended(head, raw)
    yield* isGzip(head) ? gunzipped(whole, this.path) : whole
  }

  async *#raw(): AsyncGenerator<Buffer> {
    while (true) {
      const chunk = Buffer.allocUnsafe(CHUNK)
      const { bytesRead } = await this.#file.read(chunk, 0, CHUNK, null).catch((error: unknown) => {
        throw unreadable(this.path, error)
      })
      if (bytesRead === 0) return
      this.#bytesRead += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

/** The first `count` bytes, which a pipe may deliver one by one, and what came with them. */
async function atLeast(chunks: AsyncGenerator<Buffer>, count: number): Promise<Buffer> {
  let head = Buffer.alloc(0)
  while (head.length < count) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  return head
}

async function* prepended(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

/** Whether the bytes begin as a zip archive does, which an .xlsx is too, or an .xls of old. `PK` alone may be a header. */
function isArchive(head: Buffer): boolean {
  return ['504b0304', '504b0506', '504b0708', 'd0cf11e0'].includes(head.toString('hex', 0, 4))
}

function notCsv(path: string): ReplayError {
  return new ReplayError(
    'REPLAY_NOT_CSV',
    `${path} is a spreadsheet or zip archive\nSave it as CSV UTF-8 first, or unpack the CSV file from it.`,
  )
}

function isDirectory(path: string, cause?: unknown): ReplayError {
  return new ReplayError('REPLAY_IS_DIRECTORY', `${path} is a directory\nName the CSV file in it.`, { cause })
}

function unreadable(path: string, error: unknown): ReplayError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ReplayError(
        'REPLAY_FILE_NOT_FOUND',
        `${path} does not exist\nCheck the path; relative ones start at ${process.cwd()}.`,
        { cause: error },
      )
    case 'EACCES':
    case 'EPERM':
      return new ReplayError(
        'REPLAY_FILE_FORBIDDEN',
        `${path} may not be read by this user\nCheck its permissions and those of the folders above it.`,
        { cause: error },
      )
    case 'EISDIR':
      return isDirectory(path, error)
    default: {
      const reason = error instanceof Error ? error.message : String(error)
      return new ReplayError('REPLAY_FILE_UNREADABLE', `${path} cannot be read: ${reason}`, { cause: error })
    }
  }
}
