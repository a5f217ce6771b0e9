import { memoryRecorder } from '@tidings/store/recorder'
import { test } from 'vitest'
import { openedByMany, storeConformance } from '../../src/store/index.ts'

storeConformance({ name: 'memory', recorder: openedByMany(memoryRecorder()) }, { test: test.concurrent })
