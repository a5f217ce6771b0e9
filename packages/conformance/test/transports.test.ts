import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { conformanceCases, conformanceTable, reportFromJson } from '../src/index.ts'

const root = join(import.meta.dirname, '../../..')

// What each suite has shown, as its own run has written it; in the order in which an application grows.
const order = ['memory', 'sqlite', 'rabbitmq', 'kafka']
const columns = globSync('docs/transports/*.json', { cwd: root })
  .map((file) => ({ name: basename(file, '.json'), report: reportFromJson(readFileSync(join(root, file), 'utf8')) }))
  .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))

test('every transport has a column', () => {
  const suites = globSync('packages/*/test/conformance.test.ts', { cwd: root })
  const names = ['memory', ...suites.map((file) => basename(dirname(dirname(file))))]
  expect(columns.map(({ name }) => name)).toEqual(order.filter((name) => names.includes(name)))
  expect(columns).toHaveLength(names.length)
})

test.for(columns)('$name has an outcome of each case, and none has failed', ({ report }) => {
  expect(report.results.map(({ id }) => id)).toEqual(conformanceCases.map(({ id }) => id))
  expect(report.results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
})

test('docs/transports.md shows all of them (vitest -u writes it anew)', async () => {
  const page = [
    '# Transports',
    '',
    'What each transport can do, and which cases of the [conformance suite](../packages/conformance#readme) it passes. Each column was written by the run of its own suite, so nothing stands here that was not seen: `memory()` in its process; [`sqlite()`](sqlite.md) with members in other processes, its cases of a broker that is killed behind a socket (`packages/sqlite/test/conformance-broker.test.ts`); RabbitMQ as a real server that is killed and cut off, the groups with four partitions; Apache Kafka likewise, its topics with ten. Each has a page on what maps to what and what is not portable: [SQLite](sqlite.md), [RabbitMQ](rabbitmq.md), [Kafka](kafka.md).',
    '',
    conformanceTable(columns.map(({ report }) => report)),
  ].join('\n')
  await expect(page).toMatchFileSnapshot('../../../docs/transports.md')
})
