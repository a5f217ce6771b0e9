import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { kafkaMissing, type KafkaServer, startKafka } from './kafka.ts'
import { rabbitmqPrograms, type RabbitmqServer, startRabbitmq } from './rabbitmq.ts'

/** A server that was found, or started. */
export interface Found<Which> {
  /** Where it is: the URL of RabbitMQ, the brokers of Kafka with commas between them. */
  readonly at: string
  /** There where it is a private one, which may be killed. */
  readonly server?: Which
  close(): Promise<void>
}

/** Why there is none, and how to get one, in a line. */
export interface Missing {
  readonly missing: string
}

/**
 * RabbitMQ: the one that `TIDINGS_RABBITMQ_URL` names; else a private one, where the program is installed; else one in a
 * container, where a Docker engine answers.
 */
export async function findRabbitmq(): Promise<Found<RabbitmqServer> | Missing> {
  const named = process.env['TIDINGS_RABBITMQ_URL']
  if (named !== undefined) return { at: named, close: async () => {} }
  if (rabbitmqPrograms() !== undefined) {
    const server = await startRabbitmq()
    return { at: server.url, server, close: () => server.stop() }
  }
  const at = await composed('rabbitmq', 5672, (port) => `amqp://guest:guest@127.0.0.1:${port}`)
  if (at !== undefined) return at
  return {
    missing:
      'no RabbitMQ: set TIDINGS_RABBITMQ_URL, or install rabbitmq-server (Debian: apt-get install rabbitmq-server), or start Docker',
  }
}

/** Kafka, likewise: `TIDINGS_KAFKA_BROKERS`, with commas; Java and Maven; Docker. */
export async function findKafka(): Promise<Found<KafkaServer> | Missing> {
  const named = process.env['TIDINGS_KAFKA_BROKERS']
  if (named !== undefined) return { at: named, close: async () => {} }
  if (kafkaMissing() === undefined) {
    const server = await startKafka()
    return { at: server.brokers.join(), server, close: () => server.stop() }
  }
  const at = await composed('kafka', 9092, (port) => `127.0.0.1:${port}`)
  if (at !== undefined) return at
  return {
    missing:
      'no Kafka: set TIDINGS_KAFKA_BROKERS, or install Java 17 and Maven (Debian: apt-get install openjdk-17-jre-headless maven), or start Docker',
  }
}

/** A service of `compose.yaml`, where an engine answers. It is left running, as the person who has Docker would expect. */
async function composed(
  service: string,
  port: number,
  address: (port: string) => string,
): Promise<Found<never> | undefined> {
  const docker = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)('docker', args, { cwd: new URL('../../..', import.meta.url), timeout: 300_000 })
  try {
    await docker('info')
  } catch {
    return undefined
  }
  await docker('compose', 'up', '--wait', service)
  const { stdout } = await docker('compose', 'port', service, String(port))
  return { at: address(stdout.trim().split(':').at(-1)!), close: async () => {} }
}
