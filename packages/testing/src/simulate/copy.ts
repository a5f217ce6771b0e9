import type { Message } from '@tidings/bus'
import type { Life } from './life.ts'
import type { SimulatedMember } from './member.ts'

/** A message in one group. */
export interface Copy {
  message: Message
  readonly id: string
  /** Unlike that of any other copy in the group. */
  readonly label: string
  readonly key: string | undefined
  /** Whether it stands before what waits of its key. */
  ahead: boolean
  due: number
  /** Whether it has failed, and waits for its next attempt. */
  retrying: boolean
  /** Times that it was about to be handed out. */
  turns: number
  /** Times that it was handed out. */
  handed: number
  /** How often in a row it came to no end. */
  redeliveries: number
  /** Who has it. */
  member: SimulatedMember | undefined
  /** Of a log: by whom it was settled, while something before it is not, so that it cannot be forgotten yet. */
  settledBy: Life | undefined
}
