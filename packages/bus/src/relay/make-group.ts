import type { Connection, Delivery, GroupRequest } from '../transport/transport.ts'

/** Has a group be there, so that something can be sent to it before anybody has joined it. Keeps nothing of it. */
export async function makeGroup(connection: Connection, request: GroupRequest, signal?: AbortSignal): Promise<void> {
  const there = await connection.groups?.list()
  if (there?.some(({ group }) => group === request.group)) return
  const handedOut: Delivery[] = []
  const membership = await connection.subscribe(
    { ...request, prefetch: 1, marks: false },
    (delivery) => handedOut.push(delivery),
    signal,
  )
  await membership.stop()
  for (const delivery of handedOut) await delivery.settle({ as: 'given-back', begun: false })
}
