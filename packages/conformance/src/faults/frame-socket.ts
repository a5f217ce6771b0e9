import type { Socket } from 'node:net'

/** Bytes of one frame at most. */
export const maxFrame: number = 64 * 1024 * 1024

/** Sends and receives frames, each a length and JSON, and sees to it that a silent peer is noticed. */
export class FrameSocket<Received, Sent> {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #size = 0
  #lastHeard = performance.now()
  #watch: NodeJS.Timeout | undefined
  #error: Error | undefined
  #corked = false

  /** `onClose` is told once, when nothing is received any more. */
  constructor(socket: Socket, onFrame: (frame: Received) => void, onClose: (error: Error) => void) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', (error) => (this.#error ??= error))
    // Half a conversation is none.
    socket.on('end', () => this.destroy(new Error('the peer ended the connection')))
    socket.on('close', () => {
      clearInterval(this.#watch)
      onClose(this.#error ?? new Error('the connection was closed'))
    })
    socket.on('data', (chunk) => {
      this.#lastHeard = performance.now()
      this.#chunks.push(chunk)
      this.#size += chunk.length
      try {
        for (let frame = this.#next(); frame !== undefined && !socket.destroyed; frame = this.#next()) {
          onFrame(JSON.parse(frame.toString()) as Received)
        }
      } catch (error) {
        this.destroy(new Error('a frame could not be handled', { cause: error }))
      }
    })
  }

  /** Nothing is sent on a connection that has ended. */
  send(frame: Sent): void {
    this.sendEncoded(encodeFrame(frame))
  }

  sendEncoded(frame: Buffer): void {
    const socket = this.#socket
    if (!socket.writable) return
    if (!this.#corked) {
      // What is sent in one turn of the loop goes out together.
      this.#corked = true
      socket.cork()
      process.nextTick(() => {
        this.#corked = false
        socket.uncork()
      })
    }
    socket.write(frame)
  }

  /** Ends the connection when nothing is heard for so many milliseconds; `beat` is called three times in that span. */
  watch(timeout: number, beat?: () => void): void {
    const isSilent = (): boolean => performance.now() - this.#lastHeard > timeout
    this.#watch = setInterval(() => {
      // After a pause of this process itself, what came meanwhile is read first.
      if (isSilent()) setImmediate(() => isSilent() && this.destroy(new Error(`nothing heard for ${timeout}ms`)))
      else beat?.()
    }, timeout / 3)
  }

  /** Lets what was sent go out, then ends. */
  end(): void {
    this.#socket.end()
  }

  destroy(error?: Error): void {
    this.#error ??= error
    this.#socket.destroy()
  }

  /** Takes the next frame out of what has come, once it is there as a whole. */
  #next(): Buffer | undefined {
    if (this.#size < 4) return undefined
    if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)]
    const length = this.#chunks[0]!.readUInt32BE(0)
    if (length > maxFrame) throw new Error(`a frame of ${length} bytes: ${maxFrame} at most`)
    if (this.#size < 4 + length) return undefined
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    const rest = all.subarray(4 + length)
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
    return all.subarray(4, 4 + length)
  }
}

export function encodeFrame(frame: unknown): Buffer {
  return encodeText(JSON.stringify(frame))
}

/** A frame whose JSON is there already. */
export function encodeText(text: string): Buffer {
  const json = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json])
}
