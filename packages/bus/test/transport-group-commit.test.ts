import { describe, expect, test } from 'vitest'
import { GroupCommit, type GroupCommitOptions } from '../src/transport/index.ts'

type Steps = Partial<GroupCommitOptions<string, string>>

/** A database that writes down what it is asked, and answers at once or later. */
function database(answers: 'at once' | 'later', changed: Steps = {}) {
  const log: string[] = []
  const answer = <T>(value: T): T | Promise<T> => (answers === 'at once' ? value : Promise.resolve(value))
  const commits = new GroupCommit<string, string>({
    begin: () => answer(void log.push('begin')),
    apply: (work) => {
      log.push(work)
      const failed = new Error(`${work} failed`)
      if (!work.startsWith('bad')) return answer(work.toUpperCase())
      if (answers === 'at once') throw failed
      return Promise.reject(failed)
    },
    commit: () => answer(void log.push('commit')),
    rollback: () => answer(void log.push('rollback')),
    most: 100,
    ...changed,
  })
  const run = async (...works: string[]): Promise<string[]> => {
    const ended = await Promise.allSettled(works.map((work) => commits.run(work)))
    return ended.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message))
  }
  return { commits, log, run }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe.each(['at once', 'later'] as const)('on a database that answers %s', (answers) => {
  test('what is wanted in one turn of the event loop is one commit, in its order', async () => {
    const { log, run, commits } = database(answers)
    const first = run('a', 'b')
    // Callers that wait for nothing but promises are of the same turn.
    await Promise.resolve()
    const second = commits.run('c')
    expect(log).toEqual([])
    expect(await first).toEqual(['A', 'B'])
    expect(await second).toBe('C')
    expect(log).toEqual(['begin', 'a', 'b', 'c', 'commit'])
    await run('d')
    expect(log.slice(5)).toEqual(['begin', 'd', 'commit'])
  })

  test('INVARIANT: work that fails is undone alone', async () => {
    const { log, run } = database(answers)
    expect(await run('a', 'bad', 'b')).toEqual(['A', 'bad failed', 'B'])
    expect(log).toEqual(['begin', 'a', 'bad', 'b', 'commit'])
  })

  test('INVARIANT: nobody is resolved whose commit failed', async () => {
    const { log, run } = database(answers, {
      commit: () => {
        if (answers === 'later') return Promise.reject(new Error('disk full'))
        throw new Error('disk full')
      },
    })
    expect(await run('a', 'bad', 'b')).toEqual(['disk full', 'bad failed', 'disk full'])
    expect(log.at(-1)).toBe('rollback')
  })

  test('the error of a commit is told, though the rollback fails too', async () => {
    const { run } = database(answers, {
      commit: () => Promise.reject(new Error('disk full')),
      rollback: () => {
        throw new Error('gone')
      },
    })
    expect(await run('a')).toEqual(['disk full'])
  })

  test('where nothing can begin nothing is done, and the next one begins anew', async () => {
    let begins = 0
    const { log, run } = database(answers, {
      begin: () => {
        if (++begins === 1) throw new Error('locked')
      },
    })
    expect(await run('a', 'b')).toEqual(['locked', 'locked'])
    expect(log).toEqual([])
    expect(await run('c')).toEqual(['C'])
  })

  test('one commit has no more than the most', async () => {
    const { log, run } = database(answers, { most: 2 })
    expect(await run('a', 'b', 'c')).toEqual(['A', 'B', 'C'])
    expect(log).toEqual(['begin', 'a', 'b', 'commit', 'begin', 'c', 'commit'])
  })

  test('close lets what was taken end, and refuses what comes then', async () => {
    const { commits, run, log } = database(answers, { most: 1 })
    const running = run('a', 'b')
    await Promise.all([commits.close(), commits.close()])
    expect(log).toEqual(['begin', 'a', 'commit', 'begin', 'b', 'commit'])
    expect(await running).toEqual(['A', 'B'])
    await expect(commits.run('c')).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  })
})

test('INVARIANT: a database that answers at once commits without anything else in between', async () => {
  const { log, run } = database('at once')
  const running = run('a', 'b')
  const other = (async () => {
    while (!log.includes('commit')) {
      log.push('-')
      await turn()
    }
  })()
  await Promise.all([running, other])
  expect(log.join(' ')).toMatch(/begin a b commit/)
})

test('who comes while a commit is under way is in the next', async () => {
  let finish!: () => void
  const { log, run } = database('later', {
    commit: () => new Promise<void>((resolve) => (finish = resolve)).then(() => void log.push('commit')),
  })
  const first = run('a')
  await turn()
  await turn()
  const second = run('b', 'c')
  await turn()
  expect(log).toEqual(['begin', 'a'])
  finish()
  expect(await first).toEqual(['A'])
  await turn()
  await turn()
  finish()
  expect(await second).toEqual(['B', 'C'])
  expect(log).toEqual(['begin', 'a', 'commit', 'begin', 'b', 'c', 'commit'])
})

test('a commit of nobody is refused', () => {
  expect(() => database('at once', { most: 0 })).toThrow('`most` must be a whole number from 1 on, received 0')
})

test('who tells others by a promise of its own is told by its methods, in the same order', async () => {
  const { commits, run, log } = database('at once')
  const told: string[] = []
  const tell = { done: (result: string) => told.push(result), failed: (error: unknown) => told.push(String(error)) }
  for (const work of ['a', 'bad', 'b']) commits.submit(work, tell)
  await run('c')
  expect(told).toEqual(['Error: bad failed', 'A', 'B'])
  expect(log).toEqual(['begin', 'a', 'bad', 'b', 'c', 'commit'])
  await commits.close()
  expect(() => commits.submit('d', tell)).toThrow('a commit')
})
