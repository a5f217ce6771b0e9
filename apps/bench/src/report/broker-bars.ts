import type { Bar } from './bars.ts'

const inFlight = ['100 in flight', '1,000 in flight']

/** The promises of the design about RabbitMQ and Kafka, beside their bare clients. Servers are there for the whole bench only. */
export const brokerBars: readonly Bar[] = ['rabbitmq', 'kafka'].flatMap((server) =>
  ['publish', 'consume'].flatMap((what) =>
    inFlight.flatMap((column): Bar[] => {
      const id = `${server}-${what}-${column.startsWith('100 ') ? '100' : '1000'}`
      const ours = { contestant: 'tidings', long: true } as const
      return [
        {
          ...ours,
          id,
          claim: `${what} over ${server}, ${column}`,
          scenario: `${server}-${what}`,
          column,
          atLeast: 0.9,
        },
        {
          ...ours,
          id: `${id}-cpu`,
          claim: `15 µs as a multiple of the CPU time that is added to an event, ${what} over ${server}, ${column}`,
          scenario: `${server}-cpu`,
          column: `${what}, ${column}`,
          atLeast: 1,
        },
      ]
    }),
  ),
)
