import { parseArgs } from 'node:util'
import { isTidingsError } from '@tidings/core'
import { brokerOf, brokerOptions, type Broker } from '../broker.ts'
import { groundFor } from '../ground.ts'
import { quoted } from '../replay/input/printable.ts'
import { type StopSignal, watchSignals } from '../signals.ts'
import { storyteller } from '../story/narrator.ts'
import { paintFor } from '../story/paint.ts'
import { tellStory } from '../story/story.ts'
import { desk } from './desk.ts'
import { isService, type Service, services } from './names.ts'
import { runService } from './run-service.ts'

const synopsis = 'Usage: demo service NAME --data DIR [--seed N] [--transport …]'

const usage = `${synopsis}

Runs one module of the shop as a process of its own, until it is told to stop.

  NAME        one of ${services.join(', ')}. Start each
              once, in any order; the desk plays the day, ends with it, and
              tells the figures. Kill one anywhere and start it again: it goes
              on where it was
  --data DIR  what all of them know
  --transport rabbitmq --url amqp://HOST
  --transport kafka --brokers HOST:PORT,…
              deliver over a broker; else in the file of DIR
  --seed N    for the desk: another day
  --help      this text

Exit codes: 0 the day has ended, or stopped; 1 DIR or the broker cannot be used,
2 wrong usage
`

/** The outputs and signals of a program. */
interface ServiceIo {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly signals: Parameters<typeof watchSignals>[0]['signals']
  readonly raise: (signal: StopSignal) => void
}

/** The `service` command. Resolves to its exit code; never throws. */
export async function service(args: readonly string[], io: ServiceIo): Promise<number> {
  const request = parse(args)
  if (typeof request === 'string') {
    io.stderr.write(`${request}\n${synopsis}\n--help tells more.\n`)
    return 2
  }
  if ('help' in request) {
    io.stdout.write(usage)
    return 0
  }
  const { name, data, seed, broker } = request
  const signals = watchSignals(io, () => io.stderr.write('stopping; once more ends at once\n'))
  const print = (line: string): void => void io.stdout.write(`${line}\n`)
  const paint = paintFor(io.stdout)
  try {
    await using ground = await groundFor(data, broker)
    if (name === 'desk') {
      const operator = `demo dead-letters --data ${data}`
      await tellStory({ ground, seed, print, paint, operator, open: desk, signal: signals.signal })
      return 0
    }
    const running = await runService(name, ground, storyteller(print, paint))
    io.stderr.write(`${name} is at work\n`)
    try {
      await Promise.race([running.failed, aborted(signals.signal)])
    } finally {
      await running.stop()
    }
    return 0
  } catch (error) {
    const overtaken = `another ${name} is at work on ${data}\nEach service is started once.`
    const text = isTidingsError(error) ? error.message : error instanceof Error ? error.stack : String(error)
    io.stderr.write(`service: ${isTidingsError(error, 'RECORD_CONFLICT') ? overtaken : text}\n`)
    return 1
  } finally {
    signals.stop()
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

interface Request {
  readonly name: Service
  readonly data: string
  readonly seed: number | undefined
  readonly broker: Broker | undefined
}

/** The request, or what is wrong with it. */
function parse(args: readonly string[]): Request | { readonly help: true } | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        data: { type: 'string' },
        seed: { type: 'string' },
        ...brokerOptions,
      },
    })
    if (values.help) return { help: true }
    const [name, ...others] = positionals
    if (name === undefined || others.length > 0 || !isService(name)) {
      return `service: name one of ${services.join(', ')}, received ${quoted(positionals.join(' '))}`
    }
    const { data, seed } = values
    if (!data) return 'service: --data must name the folder that all of them share'
    if (seed !== undefined && !/^\d{1,15}$/.test(seed)) {
      return `service: --seed takes one whole number from 0 on, received ${quoted(seed)}`
    }
    const broker = brokerOf(values)
    if (broker !== undefined && 'refused' in broker) return `service: ${broker.refused}`
    return { name, data, seed: seed === undefined ? undefined : Number(seed), broker }
  } catch (error) {
    return `service: ${error instanceof Error ? error.message : String(error)}`
  }
}
