// Compiled against the published declarations, then run.
import type { Transport } from '@tidings/bus'
import { RabbitmqError, rabbitmq, type RabbitmqOptions } from '@tidings/rabbitmq'

const options: RabbitmqOptions = { url: 'amqp://localhost', partitions: (group) => (group.endsWith('billing') ? 4 : 1) }
const transport: Transport = rabbitmq(options)
// @ts-expect-error It has to be told where.
const wrong = () => rabbitmq({})
const codeOf = (error: unknown): string | undefined => (error instanceof RabbitmqError ? error.code : undefined)
if (transport.name !== 'rabbitmq' || wrong.length > 0 || codeOf(new Error()) !== undefined)
  throw new Error('the rabbitmq transport')
