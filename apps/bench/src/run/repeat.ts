import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'

/** Writes a CSV file (`.gz` or not) so many times in a row, its head once, into a `.gz` file. */
export async function repeatRows(file: string, times: number, to: string): Promise<void> {
  await pipeline(rowsOf(file, times), createGzip({ level: constants.Z_BEST_SPEED }), createWriteStream(to))
}

const newline = 0x0a

async function* rowsOf(file: string, times: number): AsyncGenerator<Buffer> {
  for (let time = 0; time < times; time++) {
    const source = createReadStream(file)
    const chunks = file.endsWith('.gz') ? source.pipe(createGunzip()) : source
    let head = time > 0
    let last: number | undefined = undefined
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      const end = head ? chunk.indexOf(newline) : -1
      if (head && end === -1) continue
      head = false
      last = chunk.at(-1)
      yield chunk.subarray(end + 1)
    }
    if (last !== newline) yield Buffer.from('\n')
  }
}
