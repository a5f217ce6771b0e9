import type { Catalog } from './catalog.ts'
import { compareSchemas } from './compare-schema.ts'
import type { SchemaChange, SchemaChangeKind } from './schema-change.ts'
import { type CatalogSnapshot, type EventSnapshot, readSnapshot } from './snapshot.ts'

/**
 * Which readers must keep working. `backward`: the newer catalog reads events written with the older one (stored
 * events, messages under way). `forward`: the older catalog reads events written with the newer one (consumers not yet
 * deployed). `full`: both.
 */
export type Compatibility = 'backward' | 'forward' | 'full'

/** How to judge a comparison. */
export interface CompareOptions {
  /** Default `backward`. */
  readonly compatibility?: Compatibility | undefined
}

/** What a comparison found. Nothing in either list means that the catalogs are the same. */
export interface CatalogComparison {
  readonly breaking: readonly CatalogChange[]
  readonly compatible: readonly CatalogChange[]
}

/** One difference between two catalogs. */
export interface CatalogChange {
  /** The event type. */
  readonly type: string
  /** `data.lines[].sku`; the empty string where the change is about the event type itself. */
  readonly path: string
  readonly kind: CatalogChangeKind
  /** The readers that it breaks, whatever was asked for. */
  readonly breaks: readonly ('backward' | 'forward')[]
  /** What changed. */
  readonly what: string
  /** Why that breaks a reader, or why it does not. */
  readonly why: string
  /** What to do about it; `undefined` where nothing breaks. */
  readonly fix: string | undefined
  /** All of it in one or two lines. */
  readonly message: string
}

export type CatalogChangeKind =
  | SchemaChangeKind
  | 'event-added'
  | 'event-removed'
  | 'version-raised'
  | 'version-lowered'
  | 'upcaster-missing'

/**
 * What changed from an older catalog to a newer one; each may also be the JSON of `catalog.toJSON()`.
 *
 * Refinements, transforms and other code inside a schema are not part of its JSON Schema, so a change of them is not
 * seen.
 *
 * @throws InvalidDefinitionError when either is neither a catalog nor a snapshot of one
 */
export function compareCatalogs(
  older: Catalog | CatalogSnapshot,
  newer: Catalog | CatalogSnapshot,
  options: CompareOptions = {},
): CatalogComparison {
  const { compatibility = 'backward' } = options
  const [before, after] = [readSnapshot(older, 'older').events, readSnapshot(newer, 'newer').events]
  const types = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  const changes = types.flatMap((type) => compareEvents(type, own(before, type), own(after, type)))
  const breaks = (change: CatalogChange) =>
    compatibility === 'full' ? change.breaks.length > 0 : change.breaks.includes(compatibility)
  return { breaking: changes.filter(breaks), compatible: changes.filter((change) => !breaks(change)) }
}

function compareEvents(
  type: string,
  older: EventSnapshot | undefined,
  newer: EventSnapshot | undefined,
): readonly CatalogChange[] {
  const report = reporter(type)
  if (newer === undefined) {
    const fix = 'Keep the definition as long as such events are stored or under way, though nothing publishes them.'
    return [report('', 'event-removed', 'the event type was removed', { backward: 'old events cannot be read' }, fix)]
  }
  if (older === undefined)
    return [report('', 'event-added', 'the event type was added', {}, 'no event of it exists yet')]
  if (newer.version < older.version) {
    const what = `the version was lowered from ${older.version} to ${newer.version}`
    const problem = { backward: `events of version ${older.version} are refused as too new` }
    return [report('', 'version-lowered', what, problem, `Set \`version\` to ${older.version} or more.`)]
  }
  const differences = compareData(older, newer)
  if (newer.version > older.version) return compareVersions(report, older, newer, differences)
  const next = older.version + 1
  const fix = `Raise \`version\` to ${next} and add upcast[${older.version}], which brings old data to the new schema.`
  return differences.map(({ path, kind, what, ...problems }) =>
    report(path, kind, what, problems, problems.backward === undefined ? deployFirst : fix),
  )
}

const deployFirst = 'Deploy consumers with the new definition before producers.'

function compareVersions(
  report: Reporter,
  older: EventSnapshot,
  newer: EventSnapshot,
  differences: readonly SchemaChange[],
): readonly CatalogChange[] {
  const what = `the version was raised from ${older.version} to ${newer.version}`
  const missing = Array.from({ length: newer.version - older.version }, (_, index) => older.version + index).filter(
    (version) => newer.upcasts?.includes(version) !== true,
  )
  const forward = `old consumers refuse version ${newer.version} as too new`
  const upcasts =
    missing.length === 0
      ? report('', 'version-raised', what, { forward }, deployFirst)
      : report(
          '',
          'upcaster-missing',
          `${what} without an upcaster from ${missing.join(', ')}`,
          { backward: `events of version ${older.version} cannot be read`, forward },
          `Add upcast[${missing.join('], upcast[')}].`,
        )
  const carried = `data of version ${older.version} goes through the upcasters`
  return [upcasts, ...differences.map(({ path, kind, what: change }) => report(path, kind, change, {}, carried))]
}

// Where one side has no JSON Schema, nothing can be said about the data.
function compareData(older: EventSnapshot, newer: EventSnapshot): readonly SchemaChange[] {
  if (older.schema !== undefined && newer.schema !== undefined) return compareSchemas(older.schema, newer.schema)
  if (older.schema === newer.schema) return []
  const which = older.schema === undefined ? 'older' : 'newer'
  const reason = `the ${which} schema has no JSON Schema to compare with`
  const what = 'the schema cannot be compared'
  return [{ path: 'data', kind: 'not-comparable', what, backward: reason, forward: reason }]
}

type Reporter = ReturnType<typeof reporter>

// `note` is the fix where something breaks, and otherwise why nothing does.
function reporter(type: string) {
  return (
    path: string,
    kind: CatalogChangeKind,
    what: string,
    problems: { readonly backward?: string; readonly forward?: string },
    note: string,
  ): CatalogChange => {
    const { backward, forward } = problems
    const breaks = [
      ...(backward === undefined ? [] : ['backward' as const]),
      ...(forward === undefined ? [] : ['forward' as const]),
    ]
    const fix = breaks.length === 0 ? undefined : note
    const reasons = [...new Set([backward, forward])].filter((each) => each !== undefined)
    const why = reasons.length > 0 ? reasons.join('; ') : note === deployFirst ? 'every reader copes with it' : note
    const place = path === '' ? type : `${type} at ${path}`
    return {
      type,
      path,
      kind,
      breaks,
      what,
      why,
      fix,
      message: `${place}: ${what}: ${why}${fix === undefined ? '' : `\n${fix}`}`,
    }
  }
}

function own(events: Readonly<Record<string, EventSnapshot>>, type: string): EventSnapshot | undefined {
  return Object.hasOwn(events, type) ? events[type] : undefined
}
