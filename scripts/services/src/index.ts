export { type Found, findKafka, findRabbitmq, type Missing } from './find.ts'
export { fetchKafka, type KafkaOptions, type KafkaServer, startKafka } from './kafka.ts'
export { type RabbitmqOptions, type RabbitmqServer, startRabbitmq } from './rabbitmq.ts'
export type { Server } from './server.ts'
