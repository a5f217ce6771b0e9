export { RabbitmqError } from './errors.ts'
export { rabbitmq, type RabbitmqOptions } from './rabbitmq.ts'
