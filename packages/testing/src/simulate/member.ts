import type { Message } from '@tidings/bus'
import type { Delivery } from '@tidings/bus/transport'
import type { Life } from './life.ts'

/** One process's place in a group. */
export interface SimulatedMember {
  readonly life: Life
  readonly prefetch: number
  readonly deliver: (delivery: Delivery) => void
  readonly onUnroutable: (message: Message) => void
  paused: boolean
  stopped: boolean
  held: number
}
