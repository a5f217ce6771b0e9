import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { keysIn } from '@tidings/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const SignedUp = defineEvent('app.user.signed-up', {
  schema: z.object({ user: z.string(), email: z.email().meta({ sensitive: true }) }),
  key: ({ user }) => user,
})
const events = [SignedUp] as const
let tmp: ReturnType<typeof fileInTmp>
let vault: ReturnType<typeof fileInTmp>

beforeEach(() => {
  tmp = fileInTmp()
  vault = fileInTmp('keys.db')
})
afterEach(() => {
  tmp.remove()
  vault.remove()
})

/** Everything in the folder of a file: its log and what stands beside it. */
function bytesIn(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('')
}

test('INVARIANT: nothing that is sensitive is in the file or beside it, and a bus on it hands on whole events without', async () => {
  await using keyStore = await sqlite({ file: vault.file }).store({ events: [] })
  const file = sqlite({ file: tmp.file })
  const open = () => file.store({ events, encryption: { keys: keysIn(keyStore) } })
  await using store = await open()
  const seen: string[] = []
  const mails = handler(SignedUp, { group: 'mails' }, ({ data }) => void seen.push(data.email))
  await using bus = await createBus({ source: '/app', transport: file, handlers: [mails], log: false })
  await store.append('user-1', [SignedUp.create({ user: 'u-1', email: 'ada@example.org' })])
  await store.append('user-2', [SignedUp.create({ user: 'u-2', email: 'byron@example.org' })])
  await bus.idle({ timeout: '10s' })
  expect(seen).toEqual(['forgotten@example.invalid', 'forgotten@example.invalid'])
  const bytes = bytesIn(tmp.folder)
  expect(bytes).toContain('user-1')
  for (const word of ['ada@', 'byron@']) expect(bytes).not.toContain(word)
  await store.forget('u-1')
  const emails: string[] = []
  await using again = await open()
  for await (const { event } of again.readAll()) emails.push(event.data.email)
  expect(emails).toEqual(['forgotten@example.invalid', 'byron@example.org'])
})
