// `Object.freeze` does not reach what a Date, Map or Set holds inside, so the copies that an event carries get own
// methods that refuse. They are not enumerable: the copies stay equal to their originals for every comparison.

const dateChanges = refusals(
  'Date',
  Reflect.ownKeys(Date.prototype).filter((key) => typeof key === 'string' && key.startsWith('set')),
)
const mapChanges = refusals('Map', ['set', 'delete', 'clear', 'getOrInsert', 'getOrInsertComputed'])
const setChanges = refusals('Set', ['add', 'delete', 'clear'])

/** A copy of the date whose setters throw. */
export function lockedDate(date: Date): Date {
  return lock(new Date(date.getTime()), dateChanges)
}

/** A copy of the map whose keys and values are `child` of the original's, and which refuses to change. */
export function lockedMap(
  map: ReadonlyMap<unknown, unknown>,
  child: (value: unknown) => unknown,
  remember: (map: object) => object,
): object {
  const copy = new Map<unknown, unknown>()
  remember(copy)
  for (const [key, value] of map) copy.set(child(key), child(value))
  return lock(copy, mapChanges)
}

/** A copy of the set whose members are `child` of the original's, and which refuses to change. */
export function lockedSet(
  set: ReadonlySet<unknown>,
  child: (value: unknown) => unknown,
  remember: (set: object) => object,
): object {
  const copy = new Set<unknown>()
  remember(copy)
  for (const value of set) copy.add(child(value))
  return lock(copy, setChanges)
}

function lock<T extends object>(copy: T, changes: PropertyDescriptorMap): T {
  return Object.freeze(Object.defineProperties(copy, changes))
}

function refusals(kind: string, names: readonly PropertyKey[]): PropertyDescriptorMap {
  const refuse = (name: string) => ({
    value: () => {
      throw new TypeError(
        `Cannot call ${name}() on a ${kind} of an event: events do not change\nChange a copy: new ${kind}(value).`,
      )
    },
  })
  return Object.fromEntries(names.map((name) => [name, refuse(String(name))]))
}
