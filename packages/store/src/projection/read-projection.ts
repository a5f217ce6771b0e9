import { TidingsError } from '@tidings/core'
import { knownOptions, misuse, whole } from '@tidings/core/tools'
import { compareCodePoints } from '../recorder/code-points.ts'
import type { LogRecord, Recorder } from '../recorder/recorder.ts'
import type { EventStore } from '../store/event-store.ts'
import { buildPrefix, type Builds, buildsKey, type ProjectionPart } from './part.ts'
import type { Projection } from './projection.ts'

/** What is served of a projection, wherever it is computed. */
export interface ServedProjection<State> {
  /** The state of a key; that of a projection without keys where it is left out. `initial` where nothing was counted. */
  get(key?: string): Promise<State>
  /** All states, by key in the order of code points. */
  entries(): AsyncIterable<readonly [key: string, state: State]>
}

/** What {@link readProjection} takes. */
export interface ReadProjectionOptions {
  /** In how many parts it is computed. Left out, as a whole. */
  readonly parts?: number | undefined
}

/**
 * Reads a projection that is computed elsewhere: in another process, or in parts, whose states it joins. It follows each
 * part when a rebuild of it is served. What it gives was committed; how far that is, whoever computes it knows.
 *
 * @throws TidingsError `INVALID_ARGUMENT`; each read `NOT_SERVED` as long as a part was not computed to its end
 *
 * @example
 * const sold = readProjection(store, soldItems, { parts: 4 })
 * await sold.get('Book')
 */
export function readProjection<State>(
  store: EventStore,
  projection: Projection<State>,
  options: ReadProjectionOptions = {},
): ServedProjection<State> {
  const { parts } = knownOptions(options, ['parts'], 'readProjection')
  const all: readonly (ProjectionPart | undefined)[] =
    parts === undefined
      ? [undefined]
      : Array.from({ length: whole(parts, 1, 'parts') }, (_, index) => ({ index, of: parts }))
  const served = all.map((part) => new ServedPart(store.recorder, projection, part))
  const joined = (key: string, values: readonly string[]): State => {
    const states = values.map((value) => JSON.parse(value) as State)
    if (states.length > 1 && projection.merge === undefined) {
      throw misuse(
        `key "${key}" of projection "${projection.name}" has events in ${states.length} of its parts\nGive the projection \`merge(left, right)\`, or keys of one stream each.`,
      )
    }
    return states.length === 0 ? projection.initial() : states.reduce((left, right) => projection.merge!(left, right))
  }
  return {
    async get(key = '') {
      const found = await Promise.all(served.map((part) => part.get(key)))
      return joined(
        key,
        found.filter((value) => value !== undefined),
      )
    },
    async *entries() {
      const heads = await Promise.all(served.map((part) => Head.of(part.entries())))
      while (true) {
        const left = heads.filter(({ current }) => current !== undefined)
        if (left.length === 0) return
        const key = left.map(({ current }) => current!.key).reduce((a, b) => (compareCodePoints(a, b) < 0 ? a : b))
        const here = left.filter(({ current }) => current!.key === key)
        yield [
          key,
          joined(
            key,
            here.map(({ current }) => current!.value),
          ),
        ] as const
        await Promise.all(here.map((head) => head.next()))
      }
    },
  }
}

/** Where one of several lists is. */
class Head {
  current: { readonly key: string; readonly value: string } | undefined
  readonly #rest: AsyncIterator<{ readonly key: string; readonly value: string }>

  private constructor(rest: AsyncIterator<{ readonly key: string; readonly value: string }>) {
    this.#rest = rest
  }

  static async of(list: AsyncGenerator<{ readonly key: string; readonly value: string }>): Promise<Head> {
    const head = new Head(list)
    await head.next()
    return head
  }

  async next(): Promise<void> {
    const { done, value } = await this.#rest.next()
    this.current = done === true ? undefined : value
  }
}

/** What is served of one part. */
class ServedPart {
  readonly #recorder: Recorder
  readonly #projection: Projection
  readonly #part: ProjectionPart | undefined

  constructor(recorder: Recorder, projection: Projection, part: ProjectionPart | undefined) {
    this.#recorder = recorder
    this.#projection = projection
    this.#part = part
  }

  async get(key: string): Promise<string | undefined> {
    return this.#steady(async (prefix) => (await this.#recorder.readRecord(prefix + key))?.value)
  }

  async *entries(): AsyncGenerator<{ readonly key: string; readonly value: string }, void, void> {
    for (let last: string | undefined; ;) {
      const page = await this.#steady(async (prefix): Promise<readonly LogRecord[]> => {
        const after = last === undefined ? undefined : prefix + last
        const records = await this.#recorder.listRecords({ prefix, after, limit: 256 })
        return records.map((record) => ({ ...record, key: record.key.slice(prefix.length) }))
      })
      yield* page
      last = page.at(-1)?.key
      if (last === undefined) return
    }
  }

  /** What is read of the build that is served, also behind the reading: records of one that was replaced may be gone. */
  async #steady<Result>(read: (prefix: string) => Promise<Result>): Promise<Result> {
    for (let build = await this.#serving(); ;) {
      const result = await read(`${buildPrefix(this.#projection, this.#part, build)}/state/`)
      const now = await this.#serving()
      if (now === build) return result
      build = now
    }
  }

  async #serving(): Promise<number> {
    const record = await this.#recorder.readRecord(buildsKey(this.#projection, this.#part))
    const { serving } = (JSON.parse(record?.value ?? '{}') as Partial<Builds>) ?? {}
    if (serving !== undefined) return serving
    const { name, version = 1 } = this.#projection
    const which = this.#part === undefined ? '' : ` in part ${this.#part.index} of ${this.#part.of}`
    throw new TidingsError(
      'NOT_SERVED',
      `projection "${name}" of version ${version} was never computed to its end${which}\nRun it with runProjection, here or elsewhere, and wait until it is \`ready\`.`,
    )
  }
}
