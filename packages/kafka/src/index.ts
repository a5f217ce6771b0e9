export { KafkaError } from './errors.ts'
export { kafka, type KafkaOptions } from './kafka.ts'
