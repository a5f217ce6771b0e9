import type { BrokerClient } from '../brokers/client.ts'
import { consumeRace, publishRace } from '../brokers/races.ts'
import { diskRace } from '../run/disk-race.ts'
import type { Race } from '../run/subject.ts'
import { type MeterScenario, type RaceScenario, type ServerName, servers } from './scenario.ts'

/** Both clients of a broker: ours, and the driver alone at its best. */
interface Clients {
  readonly ours: BrokerClient
  readonly plain: BrokerClient
}

const inFlight = [1, 100, 1000]
/** Nanoseconds of CPU time that the bus may add to an event, by the design. */
const allowed = 15_000

const clientsOf: Readonly<Record<ServerName, (where: string) => Promise<Clients>>> = {
  async rabbitmq(url) {
    const { plainRabbitmq } = await import('../brokers/rabbitmq-plain.ts')
    const { rabbitmqGround } = await import('../brokers/rabbitmq-ground.ts')
    const { busClient } = await import('../brokers/ours.ts')
    return { ours: busClient(() => rabbitmqGround(url)), plain: plainRabbitmq(url) }
  },
  async kafka(where) {
    const brokers = where.split(',')
    const { plainKafka } = await import('../brokers/kafka-plain.ts')
    const { kafkaGround } = await import('../brokers/kafka-ground.ts')
    const { busClient } = await import('../brokers/ours.ts')
    return { ours: busClient(() => kafkaGround(brokers)), plain: plainKafka(brokers) }
  },
}

const drivers: Readonly<Record<ServerName, string>> = {
  rabbitmq: 'amqplib',
  kafka: '@platformatic/kafka',
}

/** Publish and consume through the bus, beside the bare client of the same server at its best. */
export const brokerScenarios: readonly (RaceScenario | MeterScenario)[] = (['rabbitmq', 'kafka'] as const).flatMap(
  (server) => [raceOf(server, 'publish'), raceOf(server, 'consume'), cpuOf(server)],
)

interface Measuring {
  readonly what: 'publish' | 'consume'
  readonly count: number
}

function columnOf(count: number): string {
  return `${count.toLocaleString('en')} in flight`
}

const countOf: Readonly<Record<string, number>> = Object.fromEntries(inFlight.map((count) => [columnOf(count), count]))

async function prepare(server: ServerName, what: 'publish' | 'consume', count: number): Promise<Race> {
  const where = process.env[servers[server]]
  if (where === undefined) throw new Error(`${servers[server]} does not say where a server is`)
  const { ours, plain } = await clientsOf[server](where)
  return what === 'publish' ? publishRace(ours, plain, count) : consumeRace(ours, plain, count)
}

function raceOf(server: ServerName, what: 'publish' | 'consume'): RaceScenario {
  return {
    kind: 'race',
    id: `${server}-${what}`,
    title:
      what === 'publish' ? `Publish, each confirmed, ${server}` : `Consume what waits, each acknowledged, ${server}`,
    group: server,
    page: 'brokers',
    server,
    columns: inFlight.map(columnOf),
    contestants: {
      tidings: { side: 'ours', label: what === 'publish' ? 'tidings, `bus.publish`' : 'tidings, a handler' },
    },
    rounds: 3,
    yardstick: `${drivers[server]} alone, at its best`,
    unit: 'event',
    onDisk: true,
    prepare: (_, column) => prepare(server, what, countOf[column]!),
  }
}

/** 15 µs as a multiple of what the bus adds. */
function cpuOf(server: ServerName): MeterScenario {
  const columns = (['publish', 'consume'] as const).flatMap((what) =>
    [100, 1000].map((count): [string, Measuring] => [`${what}, ${columnOf(count)}`, { what, count }]),
  )
  return {
    kind: 'meter',
    id: `${server}-cpu`,
    title: `15 µs as a multiple of the CPU time that the bus adds to an event, ${server}`,
    group: server,
    page: 'brokers',
    server,
    unit: 'a multiple',
    columns: columns.map(([column]) => column),
    contestants: { tidings: { side: 'ours', label: 'tidings' } },
    rounds: 3,
    meter: async (_, column) => {
      const { what, count } = new Map(columns).get(column)!
      const race = await prepare(server, what, count)
      const { cpu } = await diskRace(race)
      await race.close?.()
      // Less than nothing is not measured: some noise is.
      return allowed / Math.max(cpu.contestant - cpu.yardstick, 100)
    },
  }
}
