import type { Transport } from '@tidings/bus'

/** A broker, as the command line names it. */
export interface Broker {
  readonly transport: 'rabbitmq'
  readonly url: string
}

/** The options of the command line that name a broker. */
export const brokerOptions = { transport: { type: 'string' }, url: { type: 'string' } } as const

/** The broker that is asked for, undefined for none, or what is wrong with it. */
export function brokerOf({
  transport,
  url,
}: Readonly<Partial<Record<keyof typeof brokerOptions, string | undefined>>>):
  | Broker
  | undefined
  | { readonly refused: string } {
  if (transport === undefined) {
    return url === undefined ? undefined : { refused: '--url says where a broker is: name it by --transport rabbitmq' }
  }
  if (transport !== 'rabbitmq') return { refused: `--transport is rabbitmq, received ${JSON.stringify(transport)}` }
  return url ? { transport, url } : { refused: '--transport rabbitmq needs --url, such as amqp://localhost' }
}

/** The one line that changes. The driver is loaded for who asks for it. */
export async function transportTo({ url }: Broker): Promise<Transport> {
  const { rabbitmq } = await import('@tidings/rabbitmq')
  return rabbitmq({ url })
}
