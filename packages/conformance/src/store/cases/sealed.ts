import { defineEvent } from '@tidings/events'
import { memoryKeys } from '@tidings/store'
import { createStore } from '@tidings/store/recorder'
import * as z from 'zod'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { collected } from '../scene.ts'

const SignedUp = defineEvent('conformance.signed-up', {
  schema: z.object({ user: z.string(), name: z.string().meta({ sensitive: true }), plan: z.string() }),
  key: ({ user }) => user,
})

/** What is sealed with the key of a subject. */
export const sealedCases: readonly StoreCase[] = [
  defineStoreCase('S41', 'what is sealed is read with its key, and without it all reads go on', async (scene) => {
    const { expect } = scene
    const keys = memoryKeys()
    const open = async () => createStore(await scene.recorder(), { events: [SignedUp], encryption: { keys } })
    const [store, other, recorder] = [await open(), await open(), await scene.recorder()]
    const [stream, secret] = [scene.stream('user'), 'Ada \u0000 Lovelace 🚀']
    const events = ['u-1', 'u-2'].map((user) => SignedUp.create({ user, name: secret, plan: 'free' }))
    const first = await store.append(stream, events, { expectedVersion: 'no-stream' })
    const names = async (): Promise<string[]> =>
      (await collected(other.read(stream))).map(({ event }) => event.data.name)
    expect.equal(await names(), [secret, secret], 'what is read with the keys')
    const again = await other.append(stream, events, { expectedVersion: 'no-stream' })
    expect.equal([again.repeated, again.position], [true, first.position], 'an append that comes again')
    const changed = SignedUp.create({ user: 'u-1', name: 'Byron', plan: 'free' }, events[0]!.toJSON())
    await scene.refused(store.append(stream, [changed]), 'EVENT_EXISTS', 'an event with another name')
    await keys.forget('u-1')
    const late = await open()
    const read = (await collected(late.read(stream))).map(({ event }) => event.data)
    const left = { user: 'u-1', name: '[forgotten]', plan: 'free' }
    expect.equal(read, [left, events[1]!.data], 'what is read once a subject is forgotten')
    const log = await collected(late.readAll({ category: scene.category }))
    expect.equal(
      log.map(({ event }) => event.data.name),
      ['[forgotten]', secret],
      'what the log has then',
    )
    const { events: stored } = await recorder.readStream({ stream, from: 1, to: 9, limit: 9, backward: false })
    const bytes = JSON.stringify(stored.map(({ event }) => event))
    expect.that(!/Lovelace/.test(bytes), 'nothing that is sensitive is stored', bytes)
    await scene.refused(late.append(stream, [changed]), 'SUBJECT_FORGOTTEN', 'an event of who is forgotten')
  }),
]
