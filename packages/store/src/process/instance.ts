import { misuse } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Recorder, RecordWrite } from '../recorder/recorder.ts'
import { type Due, DueTimes } from './due-times.ts'
import type { Process } from './process.ts'

/** What led to something. */
export type Cause = Pick<TidingsEvent, 'id' | 'correlationId' | 'causationDepth'>

/** A timeout that an instance has. */
export interface Timeout {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly due: number
  readonly cause: Cause
}

/** An instance as it is kept. */
export interface KeptInstance {
  /** Of the process that wrote it. */
  readonly version: number
  /** By the time when they are due. */
  readonly timeouts: readonly Timeout[]
  readonly state: unknown
}

/** An instance of a process, as it is or as it will be written. */
export interface Instance {
  readonly key: string
  /** The state as JSON; `undefined` where there is no instance of this key. */
  text: string | undefined
  /** By the time when they are due. */
  timeouts: readonly Timeout[]
  /** How it was read. */
  readonly was: Readonly<Pick<Instance, 'text' | 'timeouts'>>
}

/** The instances of a process, as records. */
export class Instances<State> {
  readonly #recorder: Recorder
  readonly #process: Process<State>
  readonly #prefix: string
  readonly dueTimes: DueTimes

  constructor(recorder: Recorder, process: Process<State>) {
    const prefix = prefixOf(process)
    this.#recorder = recorder
    this.#process = process
    this.#prefix = `${prefix}/instance/`
    this.dueTimes = new DueTimes(recorder, `${prefix}/due/`)
  }

  /** As it was written last, by whichever version. */
  async read(key: string): Promise<KeptInstance | undefined> {
    const record = await this.#recorder.readRecord(this.#prefix + key)
    return record && (JSON.parse(record.value) as KeptInstance)
  }

  /** All of them, by key in the order of code points. */
  async *entries(): AsyncGenerator<readonly [key: string, instance: KeptInstance], void, void> {
    const prefix = this.#prefix
    for (let after: string | undefined; ;) {
      const records = await this.#recorder.listRecords({ prefix, after, limit: 256 })
      for (const { key, value } of records) yield [key.slice(prefix.length), JSON.parse(value) as KeptInstance]
      after = records.at(-1)?.key
      if (after === undefined) return
    }
  }

  /**
   * The instance to work on.
   *
   * @throws what `upgrade` throws; TidingsError where the state is of another version and there is none
   */
  opened(key: string, kept: KeptInstance | undefined): Instance {
    const timeouts = kept?.timeouts ?? []
    const text = kept && textOf(this.stateOf(kept))
    return { key, text, timeouts, was: { text, timeouts } }
  }

  /** The state of an instance, brought up to the version of the process. */
  stateOf({ version, state }: KeptInstance): State {
    const { name, version: wanted = 1 } = this.#process
    if (version === wanted) return state as State
    if (version > wanted || this.#process.upgrade === undefined) {
      throw misuse(
        `an instance of process "${name}" was written by version ${version}, and this is version ${wanted}\nGive the process \`upgrade(state, version)\`; a newer one cannot be read.`,
      )
    }
    return this.#process.upgrade(state, version)
  }

  /** What is to be written of an instance: nothing where it is as it was read. */
  writesFor({ key, text, timeouts, was }: Instance): RecordWrite[] {
    if (text === was.text && timeouts === was.timeouts) return []
    const { version = 1 } = this.#process
    const value =
      text === undefined ? undefined : `{"version":${version},"timeouts":${JSON.stringify(timeouts)},"state":${text}}`
    const writes: RecordWrite[] = [{ key: this.#prefix + key, value }]
    const [from, to] = [dueOf(key, was.timeouts), dueOf(key, timeouts)]
    if (from?.at === to?.at) return writes
    if (from !== undefined) writes.push({ key: this.dueTimes.recordKey(from), value: undefined })
    if (to !== undefined) writes.push({ key: this.dueTimes.recordKey(to), value: '""' })
    return writes
  }
}

/** A state as JSON, which has no `undefined`: that becomes `null`. */
export function textOf(state: unknown): string {
  return JSON.stringify(state) ?? 'null'
}

/** What the keys of all records of a process begin with. */
export function prefixOf({ name }: Process): string {
  return `process/${JSON.stringify(name)}`
}

/** When an instance with these timeouts is due. */
export function dueOf(key: string, [first]: readonly Timeout[]): Due | undefined {
  return first && { at: first.due, key }
}
