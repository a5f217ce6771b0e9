import { connect } from 'node:net'

/** Sends bytes to a port on 127.0.0.1; whether `isAnswer` comes to hold of what comes back within a second. */
export function ask(port: number, bytes: Uint8Array, isAnswer: (received: Buffer) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0)
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data])
      if (!isAnswer(received)) return
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
  })
}
