import type { DeadLettered, Delivery } from '@tidings/bus/transport'
import { idOf } from '../message.ts'

/** What gives a delivery up and keeps it among the dead letters of its group, as a bus would. */
export function deadLettered(group: string, { message }: Delivery): DeadLettered {
  const now = new Date().toISOString()
  return {
    as: 'dead-lettered',
    effects: [],
    letter: {
      id: idOf(message),
      group,
      message,
      reason: 'permanent-error',
      error: { name: 'Error', message: 'declined' },
      parksKey: false,
      attempts: 1,
      firstFailedAt: now,
      lastFailedAt: now,
    },
  }
}
