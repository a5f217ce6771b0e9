import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ask } from './ask.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { jarsOfKafka } from './kafka-jars.ts'
import { freePorts } from './ports.ts'
import { programIn } from './program.ts'
import { type Server, serverFolder, startServer } from './server.ts'

export interface KafkaOptions {
  /** A second listener that tells its clients to come to this port: that of a proxy before it. */
  readonly proxyPort?: number | undefined
  /** A third listener that asks for TLS and for a name and a password (SASL PLAIN). */
  readonly tls?: boolean | undefined
}

export interface KafkaServer extends Server {
  /** `['127.0.0.1:PORT']`. */
  readonly brokers: readonly string[]
  /** The port of the listener for a proxy; there where it was asked for. */
  readonly behindProxy?: number
  /** Where it asks for TLS and a password; there where it was asked for. */
  readonly secure?: Certificate & {
    readonly brokers: readonly string[]
    readonly username: string
    readonly password: string
  }
}

/** Why no Kafka can be started here; undefined where one can. */
export function kafkaMissing(): string | undefined {
  const missing = ['java', 'mvn', 'openssl'].filter((name) => programIn(name) === undefined)
  return missing.length === 0 ? undefined : `there is no ${missing.join(', no ')} on this machine`
}

/** Gets Kafka's jars, where they are not here yet: some minutes the first time. */
export async function fetchKafka(): Promise<void> {
  await jarsOfKafka()
}

/** Starts an Apache Kafka of its own: one node, which is broker and controller. Rejects where there is no Java or Maven. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const missing = kafkaMissing()
  if (missing !== undefined) throw new Error(missing)
  const jars = await jarsOfKafka()
  const folder = serverFolder('kafka')
  const [port, controller, behindProxy, secure] = (await freePorts(4)) as [number, number, number, number]
  const certificate = options.tls ? await makeCertificate(folder) : undefined
  const keystore = certificate && (await keystoreOf(folder, certificate))
  const file = join(folder, 'server.properties')
  const { proxyPort } = options
  writeFileSync(file, properties({ folder, port, controller, behindProxy, proxyPort, secure, keystore }))
  writeFileSync(join(folder, 'log4j2.properties'), logging(folder))
  const java = [
    ...'java -Xms256m -Xmx512m -XX:+UseSerialGC -Xshare:auto'.split(' '),
    `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
    '-cp',
    join(jars, '*'),
  ]
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'a')
  await promisify(execFile)('java', [...java.slice(1), 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file])
  const server = await startServer(folder, {
    name: 'kafka',
    command: [...java, 'kafka.Kafka', file],
    port,
    answers: () => ask(port, metadataRequest(), hasBroker),
  })
  return Object.assign(server, {
    brokers: [`127.0.0.1:${port}`],
    ...(proxyPort === undefined ? {} : { behindProxy }),
    ...(certificate ? { secure: { ...certificate, brokers: [`localhost:${secure}`], username, password } } : {}),
  })
}

const [username, password] = ['tidings', 'tidings-secret']
const keystorePassword = 'changeit'

interface Settings {
  readonly folder: string
  readonly port: number
  readonly controller: number
  readonly behindProxy: number
  readonly proxyPort: number | undefined
  readonly secure: number
  readonly keystore: string | undefined
}

function properties({ folder, port, controller, behindProxy, proxyPort, secure, keystore }: Settings): string {
  const listeners = [
    { name: 'PLAINTEXT', protocol: 'PLAINTEXT', at: `127.0.0.1:${port}`, told: `127.0.0.1:${port}` },
    ...(proxyPort === undefined
      ? []
      : [{ name: 'PROXY', protocol: 'PLAINTEXT', at: `127.0.0.1:${behindProxy}`, told: `127.0.0.1:${proxyPort}` }]),
    ...(keystore === undefined
      ? []
      : [{ name: 'SECURE', protocol: 'SASL_SSL', at: `127.0.0.1:${secure}`, told: `localhost:${secure}` }]),
  ]
  const jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password="${password}" user_${username}="${password}";`
  const all: Readonly<Record<string, string | number>> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: [...listeners.map(({ name, at }) => `${name}://${at}`), `CONTROLLER://127.0.0.1:${controller}`].join(),
    'advertised.listeners': listeners.map(({ name, told }) => `${name}://${told}`).join(),
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': [
      ...listeners.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    // There is nobody to keep a second copy: else groups and transactions would never be ready.
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // 50 each by default: most of the time of a first start.
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // Seconds that the first member of a group waits, and that a broker which was killed may not come back.
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 1000,
    'broker.heartbeat.interval.ms': 200,
    'controller.quorum.election.timeout.ms': 200,
    'controller.quorum.fetch.timeout.ms': 500,
    'group.min.session.timeout.ms': 1000,
    ...(keystore === undefined
      ? {}
      : {
          'sasl.enabled.mechanisms': 'PLAIN',
          'ssl.keystore.location': keystore,
          'ssl.keystore.type': 'PKCS12',
          'ssl.keystore.password': keystorePassword,
          'ssl.key.password': keystorePassword,
          'listener.name.secure.plain.sasl.jaas.config': jaas,
        }),
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function logging(folder: string): string {
  return [
    'rootLogger.level=WARN',
    'rootLogger.appenderRef.file.ref=file',
    'appender.file.type=File',
    'appender.file.name=file',
    `appender.file.fileName=${join(folder, 'server.log')}`,
    'appender.file.layout.type=PatternLayout',
    'appender.file.layout.pattern=%d %p %c %m%n',
    '',
  ].join('\n')
}

/** The key and its certificate as Java reads them. */
async function keystoreOf(folder: string, { certificateFile, keyFile }: Certificate): Promise<string> {
  const keystore = join(folder, 'keystore.p12')
  const how = `pkcs12 -export -name tidings -passout pass:${keystorePassword}`.split(' ')
  await promisify(execFile)('openssl', [...how, '-in', certificateFile, '-inkey', keyFile, '-out', keystore])
  return keystore
}

/** Asks for the brokers, and for no topic: Metadata, version 1. https://kafka.apache.org/protocol */
function metadataRequest(): Buffer {
  const client = Buffer.from('ready')
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + client.length + 4)
  let at = request.writeInt32BE(request.length - 4)
  at = request.writeInt16BE(3, at)
  at = request.writeInt16BE(1, at)
  at = request.writeInt32BE(1, at)
  at = request.writeInt16BE(client.length, at)
  at += client.copy(request, at)
  request.writeInt32BE(0, at)
  return request
}

/** Whether the answer lists one. */
function hasBroker(received: Buffer): boolean {
  const [length, correlation] = [4, 4]
  return received.length >= length + correlation + 4 && received.readInt32BE(length + correlation) > 0
}
