import type { Channel } from 'amqplib'
import type { TopologyPart } from '@tidings/bus/transport'

/** Makes a part where there is none; one with other settings closes the channel, and rejects. */
export async function declare(channel: Channel, { kind, name, settings }: TopologyPart): Promise<void> {
  if (kind === 'exchange') {
    const { type, durable, ...args } = settings
    await channel.assertExchange(name, String(type), { durable: durable === true, arguments: args })
  } else if (kind === 'queue') {
    const { durable, exclusive, autoDelete, ...args } = settings
    await channel.assertQueue(name, {
      durable: durable === true,
      exclusive: exclusive === true,
      autoDelete: autoDelete === true,
      arguments: args,
    })
  } else {
    const { source, destination, to, key, ...args } = settings
    // An exchange of headers looks at its arguments, and at no key.
    const bound = [String(destination), String(source), String(key), args] as const
    await (to === 'exchange' ? channel.bindExchange(...bound) : channel.bindQueue(...bound))
  }
}

/** Whether the broker has it; rejects, and closes the channel, where it has not. A binding cannot be asked for. */
export async function check(channel: Channel, { kind, name }: TopologyPart): Promise<void> {
  if (kind === 'exchange') await channel.checkExchange(name)
  else if (kind === 'queue') await channel.checkQueue(name)
}

/** A part in words, for errors. */
export function told({ kind, name }: TopologyPart): string {
  return `the ${kind} ${JSON.stringify(name)}`
}
