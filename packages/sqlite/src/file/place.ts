import { type Message, type Outgoing, UnknownGroupError } from '@tidings/bus/transport'
import { nobody } from './log.ts'
import type { SharedFile } from './shared-file.ts'

/** Puts a message into the log, or among what is published later. Within a transaction. Whether any group gets it. */
export function place(file: SharedFile, { message, group: name, notBefore, ahead = false }: Outgoing): boolean {
  const type = String(message.attributes['type'])
  const group = name === undefined ? undefined : file.catalog.named(name)
  if (name !== undefined && group === undefined) return false
  const audience = group?.id ?? null
  if (notBefore !== undefined && notBefore > file.now()) file.delayed.add(message, audience, notBefore)
  else if (ahead && group !== undefined) placeAhead(file, message, group.id)
  else {
    // Also what nobody wants yet: a group may begin with the oldest.
    file.log.append(message, audience, file.now())
    return audience !== null || file.catalog.isWanted(type)
  }
  return true
}

/** As {@link place}; throws where the one group that it is for does not exist. */
export function send(file: SharedFile, outgoing: Outgoing): boolean {
  const { group, message } = outgoing
  if (group !== undefined && file.catalog.named(group) === undefined) {
    throw new UnknownGroupError(group, String(message.attributes['type']))
  }
  return place(file, outgoing)
}

function placeAhead(file: SharedFile, message: Message, group: number): void {
  const logged = file.log.append(message, nobody, file.now())
  const facts = { redeliveries: 0, isAhead: true, due: undefined, inPlace: false, headers: undefined }
  file.held.put(group, logged, facts)
  file.groups.get(group)?.addAhead({ ...logged, facts }, logged)
}
