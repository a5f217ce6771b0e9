export { KafkaError } from './errors.ts'
export { kafka, type KafkaOptions, type SaslOptions } from './kafka.ts'
