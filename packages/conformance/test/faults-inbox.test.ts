import { memory, systemClock } from '@tidings/bus'
import { expect, test } from 'vitest'
import { altered } from '../src/altered.ts'
import { serveTransport, socketTransport } from '../src/faults/index.ts'

const event = { source: '/shop', id: '1' }

test('what `add` of a served inbox returns stays where it is: not all of it can be sent', async () => {
  const added: string[] = []
  const transport = altered(memory(), {
    connection: () => ({
      inbox: {
        has: ({ id }) => added.includes(id),
        // As a driver for databases says how many rows it has written.
        add: async ({ id }) => ({ lastId: added.push(id), changes: 1n }),
      },
    }),
  })
  await using server = await serveTransport(transport)
  const connection = await socketTransport({ port: server.port }).connect({
    name: '/app',
    clock: systemClock,
    onState() {},
    onUnroutable() {},
  })
  try {
    expect(await connection.inbox!.add(event, 'group')).toBe(undefined)
    expect(await connection.inbox!.has(event, 'group')).toBe(true)
  } finally {
    await connection.close()
  }
})
