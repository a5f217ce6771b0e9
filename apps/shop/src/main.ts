import { parseArgs } from 'node:util'
import { isTidingsError } from '@tidings/core'
import { type Broker, brokerOf, brokerOptions } from './broker.ts'
import { replay } from './replay/cli.ts'
import { report } from './replay/report-command.ts'
import { watchSignals } from './signals.ts'
import { paintFor } from './story/paint.ts'

const usage = `Usage: demo [--seed N] [--data DIR]  a day in an event-driven shop, in ten acts
       demo dead-letters --data DIR  what it could not handle, why, and once more
       demo replay FILE [--data DIR] real retail data as events through the shop
       demo report --data DIR        what these say, also as of a date

  --data DIR  keep the shop in DIR: killed anywhere and started again, it goes
              on where it was; a day that has ended is followed by the next one.
              Left out, the shop ends with the process
  --transport rabbitmq --url amqp://HOST
  --transport kafka --brokers HOST:PORT,…
              deliver over a broker; DIR keeps what it has handled, and what it
              could not handle. The handlers are the same
  --seed N    another day: whole numbers from 0 on; default its number
  --help      this text; replay, report and dead-letters have their own

Exit codes: 0 fine, 1 DIR cannot be used, 2 a command or an option that there is
not, 130 Ctrl-C, 143 SIGTERM; replay and dead-letters have more.
`

const seedRule = '--seed takes one whole number from 0 on'

// Who writes sees whether it worked. Without a listener a reader who leaves early, as `head` does, would end the
// process with a stack trace.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

const { stdout, stderr } = process
const io = { stdout, stderr, signals: process, raise: (signal: NodeJS.Signals) => process.kill(process.pid, signal) }
const [first, ...rest] = process.argv.slice(2)

if (first === 'replay') process.exitCode = await replay(rest, io)
else if (first === 'report') process.exitCode = await report(rest, io)
else if (first === 'dead-letters') {
  const { deadLetters } = await import('./dead-letters.ts')
  process.exitCode = await deadLetters(rest, io)
} else {
  const request = parse(process.argv.slice(2))
  if ('refused' in request) refuse(request.refused)
  else if (request.help) stdout.write(usage)
  else process.exitCode = await play(request)
}

/** Tells the story; its exit code. */
async function play({ seed, data, broker }: Request): Promise<number> {
  // Loaded here, so that the replay does not wait for what the story alone needs.
  const { tellStory } = await import('./story/story.ts')
  const { groundFor } = await import('./ground.ts')
  const paint = paintFor(stdout)
  const signals = watchSignals(io, () => stderr.write('stopping; once more ends at once\n'))
  try {
    await using ground = await groundFor(data, broker)
    const operator = data === undefined ? undefined : `demo dead-letters --data ${data}`
    const isWhole = await tellStory({ ground, seed, print: console.log, paint, operator, signal: signals.signal })
    if (isWhole) return 0
    stderr.write(data === undefined ? 'stopped\n' : `stopped; demo --data ${data} goes on\n`)
    return signals.received === 'SIGTERM' ? 143 : 130
  } catch (error) {
    const overtaken = `another demo has ${data} open\nLet one of them end; started again, the other goes on.`
    const text = isTidingsError(error) ? error.message : error instanceof Error ? error.stack : String(error)
    stderr.write(`demo: ${isTidingsError(error, 'RECORD_CONFLICT') ? overtaken : text}\n`)
    return 1
  } finally {
    signals.stop()
  }
}

interface Request {
  readonly help: boolean
  readonly seed: number | undefined
  readonly data: string | undefined
  readonly broker: Broker | undefined
}

/** The request, or what is wrong with it. */
function parse(args: string[]): Request | { readonly refused: string } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seed: { type: 'string' },
        data: { type: 'string' },
        ...brokerOptions,
      },
    })
    const [command = 'help', ...others] = positionals
    if (['replay', 'report', 'dead-letters'].includes(command)) {
      return { refused: `${command} comes first, its options behind it` }
    }
    if (command !== 'help') return { refused: `there is no command ${JSON.stringify(command)}` }
    if (others.length > 0) return { refused: `help takes no ${JSON.stringify(others[0])}` }
    const { help, seed, data } = values
    if (seed !== undefined && (!/^\d+$/.test(seed) || !Number.isSafeInteger(Number(seed)))) {
      return { refused: `${seedRule}, received ${JSON.stringify(seed)}` }
    }
    if (data === '') return { refused: '--data takes the folder to keep the shop in, received ""' }
    const broker = brokerOf(values)
    if (broker !== undefined && 'refused' in broker) return broker
    return { help: help || positionals.length > 0, seed: seed === undefined ? undefined : Number(seed), data, broker }
  } catch (error) {
    // Behind its first sentence Node explains how to pass such a thing as a positional, which would not help here.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/)
    return { refused: reason.includes("'--seed") ? `${seedRule}: ${reason}` : reason }
  }
}

function refuse(what: string): void {
  stderr.write(`demo: ${what}\n\n${usage}`)
  process.exitCode = 2
}
