import type { Connection } from '@tidings/bus/transport'
import type { Member } from '../member.ts'
import type { Draft } from '../message.ts'
import type { Scene } from '../scene.ts'

/** How many are published at a time, so that those that find no room are few. */
const some = 500

/**
 * Publishes so many messages for the group of a member, or as many as it has room for. Those that found none wait until
 * the case ends. Needs `waiting`.
 */
export async function fillGroup(
  scene: Scene,
  publisher: Connection,
  { membership }: Member,
  count: number,
  draft: Draft = {},
): Promise<void> {
  for (let sent = 0; sent < count; sent += some) {
    const messages = scene.messages(Math.min(some, count - sent), () => draft)
    let isPublished = false
    Promise.all(messages.map(async (message) => publisher.publish({ message }))).then(
      () => (isPublished = true),
      // They are let go when the case ends.
      () => {},
    )
    await scene.expect.eventually(
      async () => isPublished || (await membership.backlog())?.full === true,
      `${count} are published, or the group is full`,
      () => sent,
    )
    if (!isPublished) return
  }
}
