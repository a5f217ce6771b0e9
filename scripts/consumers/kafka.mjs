// What an application relies on: where no broker is, its start says so.
import { createBus } from '@tidings/bus'
import { kafka, KafkaError } from '@tidings/kafka'

// A port on which nobody may listen without the rights of the system.
const transport = kafka({ brokers: ['localhost:1'], timeout: '5s' })
const error = await createBus({ source: '/shop', transport, log: false }).then(
  () => undefined,
  (failure) => failure,
)
if (!(error instanceof KafkaError) || error.code !== 'KAFKA_UNREACHABLE') throw new Error(`it said: ${error}`)
