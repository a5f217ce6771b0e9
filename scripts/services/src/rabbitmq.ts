import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ask } from './ask.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { freePorts } from './ports.ts'
import { programIn } from './program.ts'
import { type Server, serverFolder, startServer } from './server.ts'

export interface RabbitmqOptions {
  /** Listens for TLS too, with a certificate of its own. */
  readonly tls?: boolean | undefined
}

export interface RabbitmqServer extends Server {
  /** `amqp://guest:guest@127.0.0.1:PORT`. */
  readonly url: string
  /** Where it listens for TLS, and whom to trust; there where it was asked for. */
  readonly tls?: Certificate & { readonly url: string }
  /** Runs `rabbitmqctl`; what it has printed. */
  ctl(...args: string[]): Promise<string>
}

/** The script itself, not the one on the path, which changes the user. */
const scripts = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin', '/usr/local/sbin']

/** Where RabbitMQ's programs are, or undefined. */
export function rabbitmqPrograms(): string | undefined {
  return scripts.find((folder) => existsSync(join(folder, 'rabbitmq-server'))) ?? programIn('rabbitmq-server')
}

/** Starts a RabbitMQ of its own. Rejects where there is none on this machine. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const programs = rabbitmqPrograms()
  if (programs === undefined) throw new Error('there is no rabbitmq-server on this machine')
  const folder = serverFolder('rabbitmq')
  const [port, epmd, distribution, secure] = (await freePorts(4)) as [number, number, number, number]
  const certificate = options.tls ? await makeCertificate(folder) : undefined
  for (const name of ['mnesia', 'log', 'home']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'enabled_plugins'), '[].\n')
  writeFileSync(join(folder, 'rabbitmq.conf'), configuration(port, secure, certificate))
  const env = {
    HOME: join(folder, 'home'),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `tidings${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    // Then the script becomes the server, so that its number is the server's.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2',
  }
  const hello = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')
  const server = await startServer(folder, {
    name: 'rabbitmq-server',
    command: [join(programs, 'rabbitmq-server'), '-noinput'],
    env,
    port,
    // A method frame is an answer; what it says instead, where it does not know the protocol, is not.
    answers: () => ask(port, hello, (received) => received[0] === 1),
    // The name server of Erlang outlives whom it was started for. Nobody else has its port.
    cleanUp: `for p in /proc/[0-9]*; do tr '\\0' '\\n' < "$p/environ" 2>/dev/null | grep -qx 'ERL_EPMD_PORT=${epmd}' && [ "\${p#/proc/}" != $$ ] && kill -9 "\${p#/proc/}" 2>/dev/null; done`,
  })
  const ctl = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(
      join(programs, 'rabbitmqctl'),
      ['-n', env.RABBITMQ_NODENAME, ...args],
      { env: { ...process.env, ...env } },
    )
    return stdout
  }
  const tls = certificate && { ...certificate, url: `amqps://guest:guest@127.0.0.1:${secure}` }
  return Object.assign(server, { url: `amqp://guest:guest@127.0.0.1:${port}`, ctl, ...(tls ? { tls } : {}) })
}

function configuration(port: number, secure: number, certificate: Certificate | undefined): string {
  return [
    `listeners.tcp.default = 127.0.0.1:${port}`,
    'vm_memory_high_watermark.absolute = 1GB',
    'disk_free_limit.absolute = 200MB',
    ...(certificate
      ? [
          `listeners.ssl.default = 127.0.0.1:${secure}`,
          `ssl_options.cacertfile = ${certificate.certificateFile}`,
          `ssl_options.certfile = ${certificate.certificateFile}`,
          `ssl_options.keyfile = ${certificate.keyFile}`,
          'ssl_options.verify = verify_none',
        ]
      : []),
    '',
  ].join('\n')
}
