import type { Recipe } from '../recipes/recipe.ts'
import type { Race } from '../run/subject.ts'

/** What a contestant is to a table. */
type Contestant = Pick<Recipe, 'label' | 'side' | 'package'>

interface Measured {
  /** The name for bars and the command line. */
  readonly id: string
  /** A table's heading, in a few words. */
  readonly title: string
  readonly group: Group
  /** Where it is reported; default `'process'`. */
  readonly page?: PageName
  /** The circumstances, or sizes, that it is measured under. */
  readonly columns: readonly string[]
  readonly contestants: Readonly<Record<string, Contestant>>
  /** The server that it talks to. */
  readonly server?: ServerName
  /** Rounds that are enough; default as many as are asked for. */
  readonly rounds?: number
  /** Why a contestant is left out of a column; undefined where it is not. */
  readonly leftOut?: (contestant: string, column: string) => string | undefined
}

/** Contestants race a yardstick. */
export interface RaceScenario extends Measured {
  readonly kind: 'race'
  /** The contestant, or what it is, that is 1 in the table. */
  readonly yardstick: string
  /** What one operation, or the unit that nanoseconds are told for, is. */
  readonly unit: string
  /** Whether a disk is waited for: turns are longer then, and CPU time is told besides. */
  readonly onDisk?: true
  readonly prepare: (contestant: string, column: string) => Promise<Race>
}

/** Contestants are weighed. */
export interface MemoryScenario extends Measured {
  readonly kind: 'memory'
  readonly weigh: (contestant: string, column: string, collect: () => Promise<void>) => Promise<number>
}

/** Contestants are metered: a figure of their own, not one beside others. */
export interface MeterScenario extends Measured {
  readonly kind: 'meter'
  /** What the figures are. */
  readonly unit: string
  readonly meter: (contestant: string, column: string) => Promise<number>
}

export type Scenario = RaceScenario | MemoryScenario | MeterScenario

/** The chapters of the report. */
export const groups = {
  publish: 'Publish to handlers',
  subscriptions: 'Subscriptions that come and go',
  async: 'Awaited publish',
  patterns: 'Patterns',
  iterators: 'Async iterators',
  bus: 'The bus',
  sqlite: 'Durable in one file',
  rabbitmq: 'RabbitMQ',
  kafka: 'Kafka',
  creation: 'Events made and validated',
  features: 'What features cost',
  ablations: 'What guarantees cost',
  growth: 'Growth',
  memory: 'Memory',
} as const

export type Group = keyof typeof groups

/** The servers that scenarios need, and the variables that say where one is. */
export const servers = { rabbitmq: 'TIDINGS_RABBITMQ_URL', kafka: 'TIDINGS_KAFKA_BROKERS' } as const

export type ServerName = keyof typeof servers

/** The pages of the report, each a file of the documents. One can be measured without the others. */
export const pages = {
  process: { file: 'benchmarks', title: 'Benchmarks' },
  sqlite: { file: 'benchmarks-sqlite', title: 'Benchmarks of SQLite' },
  brokers: { file: 'benchmarks-brokers', title: 'Benchmarks of brokers' },
} as const

export type PageName = keyof typeof pages
