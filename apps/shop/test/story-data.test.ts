import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Writable } from 'node:stream'
import { afterAll, describe, expect, test } from 'vitest'
import { deadLetters } from '../src/dead-letters.ts'
import { inFolder } from '../src/ground.ts'
import { tellStory } from '../src/story/story.ts'
import { DemoProcess, type Ended, Folder } from './fixtures/demo-process.ts'

const folder = new Folder()
afterAll(() => folder[Symbol.dispose]())

let folders = 0
/** A data folder that is not there yet. */
const newData = (): string => join(folder.path, `data-${++folders}`)

/** A day in a folder, broken off behind the line that begins with `until`. */
async function day(data: string, { seed, until }: { seed?: number; until?: string } = {}) {
  const lines: string[] = []
  const stop = new AbortController()
  await using ground = await inFolder(data)
  const isWhole = await tellStory({
    ground,
    seed,
    print(line) {
      lines.push(line)
      if (until !== undefined && line.startsWith(until)) stop.abort()
    },
    paint: (_style, text) => text,
    operator: `demo dead-letters --data ${data}`,
    signal: stop.signal,
  })
  return { isWhole, lines, acts: lines.filter((line) => /^\d+ {2}/.test(line)) }
}

class Written extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

async function letters(...args: string[]): Promise<Ended> {
  const outputs = { stdout: new Written(), stderr: new Written() }
  const code = await deadLetters(args, outputs)
  return { code, stdout: outputs.stdout.text, stderr: outputs.stderr.text }
}

describe('a shop in a folder', () => {
  test('opens for one day after the other, and keeps what there was', async () => {
    const data = newData()
    const first = await day(data)
    expect(first.isWhole).toBe(true)
    expect(first.lines[0]).toBe('A day in the shop, in 10 acts  (seed 1)')
    expect(first.lines).toContain('   orders     9 placed, 6 paid, 3 cancelled')
    const second = await day(data)
    expect(second.lines[0]).toBe('A day in the shop, in 10 acts  (day 2, seed 2)')
    expect(second.lines).toContain('The figures of 2 days')
    expect(second.lines).toContain('   orders     18 placed, 12 paid, 6 cancelled')
    expect(second.lines.filter((line) => line.includes('order 2001: '))).toHaveLength(1)
  })

  test('goes on with the day that was broken off, in the act in which it was, with its seed', async () => {
    const data = newData()
    const first = await day(data, { seed: 7, until: '     payments.charge                 declined' })
    expect(first.isWhole).toBe(false)
    expect(first.acts.at(-1)).toMatch(/^2 /)
    const second = await day(data, { seed: 8 })
    expect(second.isWhole).toBe(true)
    expect(second.lines[0]).toContain('seed 7')
    expect(second.lines.some((line) => line.startsWith('The day was broken off, and goes on'))).toBe(true)
    expect(second.acts.map((line) => line.split(' ')[0])).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10'])
    expect(second.lines).toContain('   order 1002 is there already: nothing happens')
    expect(second.lines).toContain('   orders     9 placed, 6 paid, 3 cancelled')
  })

  test('leaves a dead letter to the operator, who sees why, and replays it', async () => {
    const data = newData()
    const { lines } = await day(data)
    expect(lines).toContain(`   demo dead-letters --data ${data}`)
    const list = await letters('--data', data)
    expect(list).toMatchObject({ code: 0, stderr: '' })
    expect(list.stdout.split('\n').map((line) => line.replace(/ at .*| \S+ to \S+$/, ' …'))).toEqual([
      '1 dead letter',
      '',
      expect.stringMatching(/^shop\.notifications\S+$/),
      '  event   shop.order.confirmed order-1007',
      '  group   notifications',
      '  why     attempts-exhausted after 4 attempts',
      '  when    …',
      '  error   Error: mail server is down',
      '  thrown  …',
      '',
    ])
    const [json] = (await letters('--data', data, '--json')).stdout.split('\n')
    const { id } = JSON.parse(json!) as { id: string }
    expect(await letters('--data', data, '--replay', 'other')).toMatchObject({
      code: 3,
      stdout: 'No dead letters\n',
      stderr: 'dead-letters: there is no letter "other"\n',
    })
    const replayed = await letters('--data', data, '--replay', id)
    expect(replayed).toMatchObject({ code: 0, stderr: '' })
    expect(replayed.stdout).toMatch(/\n\nReplayed: 1 handled, 0 given up again\n$/)
    expect(await letters('--data', data)).toMatchObject({ code: 0, stdout: 'No dead letters\n' })
  })

  test.for<[args: string[], told: string]>([
    [[], 'dead-letters: --data must name the folder of a shop: demo --data DIR'],
    [['--data', 'x', 'id'], 'dead-letters: ids such as "id" say what to replay: add --replay'],
    [['--data', 'x', '--all'], "dead-letters: Unknown option '--all'"],
  ])('dead-letters %j says what would be right', async ([args, told]) => {
    const { code, stdout, stderr } = await letters(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(told)
    expect(stderr).toContain('Usage: demo dead-letters --data DIR')
  })

  test('a folder without a shop is told', async () => {
    const { code, stderr } = await letters('--data', folder.path)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error the data folder ${JSON.stringify(folder.path)} has no shop.db\nFill it first: demo --data DIR.\n`,
    })
  })
})

describe('the demo', () => {
  test('stops at Ctrl-C, and goes on when it is started again', async () => {
    const data = newData()
    const demo = new DemoProcess(['--data', data])
    demo.child.stdout!.once('data', () => demo.child.kill('SIGINT'))
    const { code, stderr } = await demo.ended
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: `stopping; once more ends at once\nstopped; demo --data ${data} goes on\n`,
    })
    expect((await day(data)).lines[0]).toContain('seed 1')
  })

  test('says what is wrong with its folder', async () => {
    const file = folder.write('a-file', '')
    const inFile = await new DemoProcess(['--data', file]).ended
    expect({ code: inFile.code, stdout: inFile.stdout }).toEqual({ code: 1, stdout: '' })
    expect(inFile.stderr).toMatch(/^demo: ".*a-file" cannot be a data folder \(EEXIST.*\nName a folder/)
    const data = newData()
    await day(data, { until: '1 ' })
    const database = new DatabaseSync(join(data, 'shop.db'))
    database.exec('INSERT INTO tidings_schema VALUES (99)')
    database.close()
    const newer = await new DemoProcess(['--data', data]).ended
    expect({ code: newer.code, stdout: newer.stdout }).toEqual({ code: 1, stdout: '' })
    expect(newer.stderr).toContain('was written by a newer @tidings/sqlite')
  })

  test('says what is wrong with its options, and all that there is', async () => {
    const wrong = await new DemoProcess(['--data', '']).ended
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toMatch(/^demo: --data takes the folder to keep the shop in, received ""\n\nUsage: demo/)
    const { stdout } = await new DemoProcess(['--help']).ended
    for (const text of ['--data DIR', 'demo dead-letters', 'demo replay FILE', 'demo report'])
      expect(stdout).toContain(text)
  })
})
