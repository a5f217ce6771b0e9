import type { Race, Subject } from '../run/subject.ts'
import { scratch } from './files.ts'

/** What is raced, and how it ends: closed, read back, and held to what it should have left. */
export interface Contender {
  readonly subject: Subject
  readonly close: () => Promise<void>
}

/** Both sides in files of their own in one new folder, which goes when the race is closed. */
export async function duel(
  contestant: (file: string) => Promise<Contender>,
  yardstick: (file: string) => Promise<Contender>,
): Promise<Race> {
  const files = scratch()
  const first = await contestant(files.file('contestant.db'))
  const second = await yardstick(files.file('yardstick.db'))
  return {
    contestant: first.subject,
    yardstick: second.subject,
    close: async () => {
      await first.close()
      await second.close()
      files.remove()
    },
  }
}
