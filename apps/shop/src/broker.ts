import type { Transport } from '@tidings/bus'

/** A broker, as the command line names it. */
export type Broker =
  | { readonly transport: 'rabbitmq'; readonly url: string }
  | { readonly transport: 'kafka'; readonly brokers: readonly string[] }

/** The options of the command line that name a broker. */
export const brokerOptions = {
  transport: { type: 'string' },
  url: { type: 'string' },
  brokers: { type: 'string' },
} as const

type Given = Readonly<Partial<Record<keyof typeof brokerOptions, string | undefined>>>

/** The broker that is asked for, undefined for none, or what is wrong with it. */
export function brokerOf({ transport, url, brokers }: Given): Broker | undefined | { readonly refused: string } {
  const besides = { '--url': url, '--brokers': brokers }
  const wanted = transport === 'rabbitmq' ? '--url' : transport === 'kafka' ? '--brokers' : undefined
  if (transport !== undefined && wanted === undefined) {
    return { refused: `--transport is rabbitmq or kafka, received ${JSON.stringify(transport)}` }
  }
  for (const [option, value] of Object.entries(besides)) {
    if (value === undefined || option === wanted) continue
    const name = option === '--url' ? 'rabbitmq' : 'kafka'
    return { refused: `${option} says where a broker is: name it by --transport ${name}` }
  }
  if (transport === 'rabbitmq') {
    return url ? { transport, url } : { refused: '--transport rabbitmq needs --url, such as amqp://localhost' }
  }
  if (transport !== 'kafka') return undefined
  if (!brokers) return { refused: '--transport kafka needs --brokers, such as localhost:9092' }
  return { transport, brokers: brokers.split(',') }
}

/** The one line that changes. The driver is loaded for who asks for it. */
export async function transportTo(broker: Broker): Promise<Transport> {
  if (broker.transport === 'rabbitmq') {
    const { rabbitmq } = await import('@tidings/rabbitmq')
    return rabbitmq({ url: broker.url })
  }
  const { kafka } = await import('@tidings/kafka')
  return kafka({ brokers: broker.brokers })
}
