import { over } from '@tidings/core/tools'
import { memoryRecorder, type Recorder } from '@tidings/store/recorder'
import { openedByMany } from '../../src/store/index.ts'

/** What a recorder does instead. */
export type Alter = (recorder: Recorder) => Partial<Recorder>

/** A log in memory that many open, broken as a whole or as each has opened it. */
export function sharedMemory(alter: Alter = () => ({}), alterOpened: Alter = () => ({})): () => Recorder {
  const log = memoryRecorder()
  const open = openedByMany(over<Recorder>(log, alter(log)))
  return () => {
    const each = open()
    return over<Recorder>(each, alterOpened(each))
  }
}
