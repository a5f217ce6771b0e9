import { type CheckedReader, isCheckedReader, readChecked } from '../definition/checked.ts'
import type { AnyDefinedEvent, EventOf, ParseResult } from '../definition/types.ts'
import { InvalidDefinitionError, InvalidEventError, UnknownEventTypeError } from '../errors/errors.ts'
import { render } from '../errors/render.ts'
import { attributeIssue, wholeIssue } from '../event/attributes.ts'
import type { EventAttributes } from '../event/event.ts'
import { type CatalogComparison, type CompareOptions, compareCatalogs } from './compare.ts'
import { type CatalogSnapshot, snapshotOf } from './snapshot.ts'

/** All event types of an application: to parse whatever arrives, and to compare with what was released before. */
export interface Catalog<Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[]> {
  /** In the order given. */
  readonly definitions: Definitions
  /** The event types, in the order given. */
  readonly types: readonly Definitions[number]['type'][]
  /** The definition of a type, `undefined` when the catalog has none. */
  get<Type extends Definitions[number]['type']>(type: Type): Extract<Definitions[number], { readonly type: Type }>
  get(type: string): Definitions[number] | undefined
  has(type: string): type is Definitions[number]['type']

  /**
   * The event from its JSON form, by the definition of its type.
   *
   * @throws UnknownEventTypeError when no definition has its type
   * @throws InvalidEventError, UnknownEventVersionError, UpcastError as the definition's `parse`
   */
  parse(value: unknown): EventOf<Definitions[number]>

  /** As `parse`, but hands the error back; never throws. */
  safeParse(value: unknown): ParseResult<EventOf<Definitions[number]>>

  /**
   * What changed since `older`, another catalog or its `toJSON()`, as a schema registry would judge it. By default the
   * question is whether consumers with this catalog can read the events that the older one wrote (`backward`).
   *
   * @throws InvalidDefinitionError when `older` is no catalog and no snapshot of one
   */
  compare(older: Catalog | CatalogSnapshot, options?: CompareOptions): CatalogComparison

  /** For a file under version control, to compare with later: version and JSON Schema of each type, sorted by type. */
  toJSON(): CatalogSnapshot
}

/**
 * Collects definitions into a catalog.
 *
 * @throws InvalidDefinitionError when two have the same type, or something is not a definition
 *
 * @example
 * const catalog = createCatalog([OrderPlaced, OrderShipped])
 * const event = catalog.parse(JSON.parse(text)) // OrderPlaced | OrderShipped
 */
export function createCatalog<const Definitions extends readonly AnyDefinedEvent[]>(
  definitions: Definitions,
): Catalog<Definitions> {
  return new EventCatalog(definitions)
}

/** The event map of a catalog, to type a dispatcher: `new EventDispatcher<EventsOf<typeof catalog>>()`. */
export type EventsOf<C extends { readonly definitions: readonly AnyDefinedEvent[] }> = {
  [Definition in C['definitions'][number] as Definition['type']]: EventOf<Definition>
}

class EventCatalog<Definitions extends readonly AnyDefinedEvent[]> implements Catalog<Definitions>, CheckedReader {
  readonly definitions: Definitions
  readonly types: readonly Definitions[number]['type'][]
  readonly #byType: ReadonlyMap<string, Definitions[number]>

  constructor(definitions: Definitions) {
    this.#byType = index(definitions)
    this.definitions = Object.freeze([...definitions]) as readonly AnyDefinedEvent[] as Definitions
    this.types = Object.freeze([...this.#byType.keys()])
  }

  get<Type extends Definitions[number]['type']>(type: Type): Extract<Definitions[number], { readonly type: Type }>
  get(type: string): Definitions[number] | undefined
  get(type: string): Definitions[number] | undefined {
    return this.#byType.get(type)
  }

  has(type: string): type is Definitions[number]['type'] {
    return this.#byType.has(type)
  }

  parse(value: unknown): EventOf<Definitions[number]> {
    return this.#definitionFor(value).parse(value) as EventOf<Definitions[number]>
  }

  [readChecked](type: string, version: number, attributes: EventAttributes, data: unknown): unknown {
    const definition = this.#byType.get(type)
    if (definition === undefined) throw new UnknownEventTypeError(type, this.types)
    if (isCheckedReader(definition)) return definition[readChecked](type, version, attributes, data)
    // One of another copy of this package.
    return definition.parse({ ...attributes, type, version, data })
  }

  safeParse(value: unknown): ParseResult<EventOf<Definitions[number]>> {
    let definition: AnyDefinedEvent
    try {
      definition = this.#definitionFor(value)
    } catch (error) {
      const known = error instanceof InvalidEventError || error instanceof UnknownEventTypeError
      return { success: false, error: known ? error : untyped(value) }
    }
    return definition.safeParse(value) as ParseResult<EventOf<Definitions[number]>>
  }

  compare(older: Catalog | CatalogSnapshot, options?: CompareOptions): CatalogComparison {
    return compareCatalogs(older, this, options)
  }

  toJSON(): CatalogSnapshot {
    return snapshotOf(this.definitions)
  }

  #definitionFor(value: unknown): AnyDefinedEvent {
    const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
    if (typeof type !== 'string') throw untyped(value)
    const definition = this.#byType.get(type)
    if (definition === undefined) throw new UnknownEventTypeError(type, this.types)
    return definition
  }
}

function untyped(value: unknown): InvalidEventError {
  const isObject = typeof value === 'object' && value !== null
  const hint = typeof value === 'string' ? ' (JSON text must go through JSON.parse first)' : ''
  const issue = isObject
    ? attributeIssue('type', 'the type of an event', undefined)
    : wholeIssue(`an event or its JSON form${hint}`, value)
  return new InvalidEventError({ type: undefined, version: undefined, issues: [issue], origin: 'parse' })
}

function index<Definition extends AnyDefinedEvent>(
  definitions: readonly Definition[],
): ReadonlyMap<string, Definition> {
  const byType = new Map<string, Definition>()
  for (const [position, definition] of definitions.entries()) {
    const usable: unknown = definition
    if (typeof usable !== 'object' || usable === null || !('upcasts' in usable)) {
      throw new InvalidDefinitionError(
        `createCatalog() needs definitions, received ${render(usable)} at index ${position}`,
        'Pass what defineEvent() returns.',
      )
    }
    if (byType.has(definition.type)) {
      throw new InvalidDefinitionError(
        `createCatalog() received event type '${definition.type}' twice, the second time at index ${position}`,
        'Versions of a type are one definition: give it `version` and `upcast`. Otherwise rename one of the two.',
        { type: definition.type },
      )
    }
    byType.set(definition.type, definition)
  }
  return byType
}
