import { parseArgs } from 'node:util'
import { createBus, type DeadLetter } from '@tidings/bus'
import { isTidingsError } from '@tidings/core'
import { shopEvents } from './events.ts'
import { type Ground, inExistingFolder } from './ground.ts'
import { printable, quoted } from './replay/input/printable.ts'
import { type Output, print, type Style, styleFor } from './replay/report/terminal.ts'
import { shortName, silent } from './story/narrator.ts'
import { premises } from './story/premises.ts'
import { townOf } from './story/town.ts'

const synopsis = 'Usage: demo dead-letters --data DIR [--replay [ID ...]] [--json]'

const usage = `${synopsis}

Lists what the shop in DIR was given and could not handle, and why.

  --data DIR        where the shop is
  --replay [ID ...] hand the letters of these ids, or all, once more to the groups that gave them up, and say what
                    came of it
  --json            print one JSON object for each letter, on a line of its own
  --help            show this text

Exit codes
    0  fine: no letter is left, or they were only listed
    1  there is no such shop, or it cannot be opened
    2  wrong usage
    3  letters were given up again, or there is none of that id
`

/** The `dead-letters` command. Resolves to its exit code, after all output has been handed over; never throws. */
export async function deadLetters(
  args: readonly string[],
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<number> {
  const request = parse(args)
  if (typeof request === 'string') {
    stderr.write(`${request}\n${synopsis}\n--help tells more.\n`)
    return 2
  }
  if (request.help) {
    await print(stdout, usage)
    return 0
  }
  try {
    await using ground = await inExistingFolder(request.data)
    const letters = await listed(ground)
    const meant = letters.filter(({ id }) => request.ids.length === 0 || request.ids.includes(id))
    const style = styleFor(stdout)
    const text = request.json
      ? meant.map((letter) => `${JSON.stringify(jsonOf(letter))}\n`).join('')
      : `${style('bold', countOf(meant.length))}\n${meant.map((letter) => `\n${described(letter, style)}`).join('')}`
    await print(stdout, text)
    const unknown = request.ids.filter((id) => letters.every((letter) => letter.id !== id))
    for (const id of unknown) stderr.write(`dead-letters: there is no letter ${quoted(id)}\n`)
    if (!request.replay || meant.length === 0) return unknown.length > 0 ? 3 : 0
    const left = await replayed(ground, meant)
    const handled = meant.length - left.length
    if (!request.json) {
      await print(stdout, `\n${style('bold', 'Replayed')}: ${handled} handled, ${left.length} given up again\n`)
      for (const letter of left) await print(stdout, `\n${described(letter, style)}`)
    }
    return left.length + unknown.length > 0 ? 3 : 0
  } catch (error) {
    const text = isTidingsError(error) ? error.message : error instanceof Error ? error.stack! : String(error)
    stderr.write(`${styleFor(stderr)('red', 'error')} ${text}\n`)
    return 1
  }
}

/** All letters, by a bus without a handler: to look at them handles nothing. */
async function listed({ transport }: Ground): Promise<DeadLetter[]> {
  const bus = await createBus({ source: '/shop', transport, definitions: shopEvents, handlers: [], log: false })
  try {
    return await collected(bus.deadLetters.list())
  } finally {
    await bus.close()
  }
}

/** Opens the shop, hands them to their groups, and waits: those that were given up again. */
async function replayed(ground: Ground, letters: readonly DeadLetter[]): Promise<DeadLetter[]> {
  const town = townOf({ seed: 0, day: 0, outside: ground.outside, onStorm: () => {} })
  const place = await premises(town, ground, silent)
  try {
    const ids = letters.map(({ id }) => id)
    await place.bus.deadLetters.replay({ ids })
    await place.atRest()
    return await collected(place.bus.deadLetters.list({ ids }))
  } finally {
    await Promise.all([town.close(), place.close()])
  }
}

async function collected(letters: AsyncIterable<DeadLetter>): Promise<DeadLetter[]> {
  const all: DeadLetter[] = []
  for await (const letter of letters) all.push(letter)
  return all
}

function countOf(letters: number): string {
  return letters === 0 ? 'No dead letters' : letters === 1 ? '1 dead letter' : `${letters} dead letters`
}

function described(
  { id, group, message, reason, attempts, firstFailedAt, lastFailedAt, error }: DeadLetter,
  style: Style,
): string {
  const { type, subject } = message.attributes
  const place = /^\s+at .*/m.exec(error?.stack ?? '')?.[0].trim()
  const facts: (readonly [name: string, fact: string])[] = [
    ['event', `${String(type)} ${String(subject ?? '')}`],
    ['group', shortName(group)],
    ['why', `${reason} after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`],
    ['when', firstFailedAt === lastFailedAt ? firstFailedAt : `${firstFailedAt} to ${lastFailedAt}`],
    ...(error === undefined ? [] : [['error', `${error.name}: ${error.message}`] as const]),
    ...(place === undefined ? [] : [['thrown', place] as const]),
  ]
  const lines = facts.map(([name, fact]) => `  ${style('dim', name.padEnd(6))}  ${printable(fact)}\n`)
  return `${style('yellow', id)}\n${lines.join('')}`
}

function jsonOf({ id, group, message, reason, attempts, firstFailedAt, lastFailedAt, error }: DeadLetter): object {
  const { type, subject, id: event } = message.attributes
  return { id, type, subject, event, group, reason, attempts, firstFailedAt, lastFailedAt, error }
}

interface Request {
  readonly help: boolean
  readonly json: boolean
  readonly replay: boolean
  readonly data: string
  /** Default all. */
  readonly ids: readonly string[]
}

/** The request, or what is wrong with it. */
function parse(args: readonly string[]): Request | string {
  try {
    const { values, positionals: ids } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        replay: { type: 'boolean', default: false },
        data: { type: 'string', default: '' },
      },
    })
    if (!values.help && values.data === '')
      return 'dead-letters: --data must name the folder of a shop: demo --data DIR'
    if (ids.length > 0 && !values.replay) {
      return `dead-letters: ids such as ${quoted(ids[0]!)} say what to replay: add --replay`
    }
    return { ...values, ids }
  } catch (error) {
    return `dead-letters: ${error instanceof Error ? error.message : String(error)}`
  }
}
