import type { Bar } from './bars.ts'

const durabilities = ['FULL', 'NORMAL']

/** The promises of the design about `sqlite()` and its store. */
export const sqliteBars: readonly Bar[] = [
  ...durabilities.flatMap((durability): Bar[] => {
    const id = durability.toLowerCase()
    const handle = { scenario: 'sqlite-handle', column: `${durability}, 1,000 in flight`, contestant: 'idempotent' }
    return [
      {
        id: `sqlite-publish-${id}`,
        claim: `publish into a file, 64 in flight, ${durability}`,
        scenario: 'sqlite-publish',
        column: `${durability}, 64 in flight`,
        contestant: 'tidings',
        atLeast: 0.8,
      },
      {
        ...handle,
        id: `sqlite-handle-${id}`,
        claim: `publish into a file and handle, idempotent, 1,000 in flight, ${durability}`,
        atLeast: 0.4,
      },
      {
        ...handle,
        id: `sqlite-idempotent-${id}`,
        claim: `the same against not idempotent, ${durability}`,
        against: ['default'],
        atLeast: 0.9,
      },
      {
        id: `sqlite-append-${id}`,
        claim: `append, 64 callers, ${durability}`,
        scenario: 'sqlite-store',
        column: `${durability}, 64 callers`,
        contestant: 'tidings',
        atLeast: 0.8,
      },
    ]
  }),
  {
    ...append('FULL, 64 callers'),
    id: 'sqlite-group-commit',
    claim: 'append, 64 callers, FULL, against a transaction for each',
    against: ['one-by-one'],
    atLeast: 10,
    long: true,
  },
  againstEmmett('sequential', 'FULL, 1 caller', 5, ['emmett', 'emmett-connection']),
  // On connections of their own its callers fail.
  againstEmmett('callers', 'FULL, 64 callers', 75, ['emmett-connection']),
  ...['10', '100', '1,000'].map((batch) =>
    againstEmmett(`batches-${batch}`, `FULL, batches of ${batch}`, 4, ['emmett', 'emmett-connection']),
  ),
  {
    ...read('a stream of 1,000'),
    id: 'sqlite-emmett-stream',
    claim: 'read a stream of 1,000, against Emmett',
    against: ['emmett'],
    atLeast: 2.5,
  },
  {
    ...read('the log, 100,000'),
    id: 'sqlite-emmett-scan',
    claim: 'read a log of 100,000, against the consumer of Emmett',
    against: ['emmett-consumer'],
    atLeast: 20,
  },
  ...['publish', 'append', 'publish and handle'].map((what): Bar => growth(`${what}, 1,000,000 there`)),
  growth('publish and handle, 100,000 waiting'),
  ...durabilities.map((durability): Bar => ({
    id: `sqlite-delay-${durability.toLowerCase()}`,
    claim: `15 ms as a multiple of the event loop's delay with 64 who append, 99th percentile, ${durability}, in process`,
    scenario: 'sqlite-delay',
    column: `${durability}, 15 ms as a multiple of it`,
    contestant: 'append',
    atLeast: 1,
    long: true,
  })),
  {
    id: 'sqlite-retail',
    claim: 'rows of the retail file taken into a file, a second, FULL',
    scenario: 'retail',
    column: 'durable',
    contestant: 'shop',
    atLeast: 30_000,
  },
]

function append(column: string): Pick<Bar, 'scenario' | 'column' | 'contestant'> {
  return { scenario: 'sqlite-store', column, contestant: 'tidings' }
}

function read(column: string): Pick<Bar, 'scenario' | 'column' | 'contestant' | 'long'> {
  return { scenario: 'sqlite-read', column, contestant: 'tidings', long: true }
}

/** Flat is: it costs no more than a fifth more. */
function growth(column: string): Bar {
  const id = `sqlite-growth-${column.replaceAll(/[ ,]+/g, '-')}`
  return { id, claim: column, scenario: 'sqlite-growth', column, contestant: 'tidings', atLeast: 0.83, long: true }
}

/** Emmett is compiled for the whole bench alone. */
function againstEmmett(id: string, column: string, atLeast: number, against: readonly string[]): Bar {
  return {
    ...append(column),
    id: `sqlite-emmett-${id}`,
    claim: `append, ${column}, against Emmett`,
    against,
    atLeast,
    long: true,
  }
}
