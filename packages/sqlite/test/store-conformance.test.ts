import { storeConformance } from '@tidings/conformance/store'
import { memoryStore } from '@tidings/store'
import type { Recorder } from '@tidings/store/recorder'
import { afterAll, describe, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const shared = fileInTmp()
const apart = fileInTmp()
const file = sqlite({ file: shared.file })

afterAll(() => {
  shared.remove()
  apart.remove()
})

/** What a store of this file stands on. */
async function recorderOf(transport: ReturnType<typeof sqlite>): Promise<Recorder> {
  return (await transport.store({ events: [] })).recorder
}

const runner = { test: (name: string, run: () => Promise<void>) => test(name, { timeout: 30_000 }, run) }

describe('stores that share a file within the process', () => {
  storeConformance({ name: 'sqlite', recorder: () => recorderOf(file) }, runner)
})

describe('stores that each open the file for themselves, as processes do', () => {
  storeConformance({ name: 'sqlite', recorder: () => recorderOf(sqlite({ file: apart.file })) }, runner)
})

test('the name tells where it is', async () => {
  await using store = await file.store({ events: [] })
  expect([store.name, memoryStore({ events: [] }).name]).toEqual(['sqlite', 'memory'])
})
