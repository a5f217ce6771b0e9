import { test } from 'vitest'
import { storeConformance } from '../../src/store/index.ts'
import { sharedMemory } from './shared.ts'

storeConformance({ name: 'memory', recorder: sharedMemory() }, { test: test.concurrent })
