// Compiled against the published declarations, then run.
import type { Transport } from '@tidings/bus'
import { kafka, KafkaError, type KafkaOptions } from '@tidings/kafka'

const options: KafkaOptions = { brokers: ['localhost:9092'], topics: { orders: ['shop.order.*'] } }
const transport: Transport = kafka(options)
// @ts-expect-error It has to be told where.
const wrong = () => kafka({})
const codeOf = (error: unknown): string | undefined => (error instanceof KafkaError ? error.code : undefined)
if (transport.name !== 'kafka' || wrong.length > 0 || codeOf(new Error()) !== undefined)
  throw new Error('the kafka transport')
