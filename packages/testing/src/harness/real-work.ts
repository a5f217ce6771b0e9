import type { AsyncHook, AsyncLocalStorage } from 'node:async_hooks'
import {
  delayOf,
  isFollowed,
  isRequest,
  referenced,
  type Resource,
  type ResourceState,
  stateOf,
} from './resource-state.ts'

/** A call of a handler, to which belongs what begins in it. */
export interface Call {
  /** Told when something other than a timer has begun or gone on. */
  gotOn(): void
}

/** Something real that is under way. */
export interface OpenResource {
  /** Node's name of it, such as `SCRYPTREQUEST`. */
  readonly type: string
  /** The call that began it; undefined where none did. */
  readonly call: Call | undefined
  readonly state: Exclude<ResourceState, 'idle' | 'ended'>
  /** Whether it keeps the process alive. */
  readonly referenced: boolean
  /** Milliseconds, of a timer; else 0. */
  readonly delay: number
}

interface Followed {
  readonly type: string
  readonly call: Call | undefined
  readonly isRequest: boolean
  readonly resource: WeakRef<Resource>
}

type AsyncHooks = typeof import('node:async_hooks')

/** The call of what must not be seen: the turns of the harness itself. */
const unseen: Call = { gotOn() {} }

/**
 * Follows what handlers have under way outside of JavaScript, by the asynchronous context in which it began: work in the
 * thread pool, timers without references, workers, sockets. Only Node tells; elsewhere `sees` is false.
 */
class RealWork {
  readonly #hooks = asyncHooks()
  readonly #storage: AsyncLocalStorage<Call> | undefined = this.#hooks && new this.#hooks.AsyncLocalStorage<Call>()
  readonly #hook: AsyncHook | undefined = isNode() ? this.#hooks && this.#hookOf(this.#hooks) : undefined
  readonly #followed = new Map<number, Followed>()
  /** How many watch. */
  #watchers = 0

  /** Whether the runtime tells what is under way. */
  get sees(): boolean {
    return this.#hook !== undefined
  }

  /** Nothing is followed, and nothing costs any time, until somebody watches. The result ends that. */
  watch(): () => void {
    if (++this.#watchers === 1) this.#hook?.enable()
    let watches = true
    return () => {
      if (!watches) return
      watches = false
      if (--this.#watchers > 0) return
      this.#hook?.disable()
      this.#followed.clear()
    }
  }

  /** Has what `run` begins, and what that begins, be of this call. */
  of<Result>(call: Call, run: () => Result): Result {
    return this.#storage === undefined ? run() : this.#storage.run(call, run)
  }

  /** What `run` begins is not seen. */
  unseen<Result>(run: () => Result): Result {
    return this.of(unseen, run)
  }

  /** The call that runs now. */
  get call(): Call | undefined {
    return this.#storage?.getStore()
  }

  /** Whether anything is in the thread pool now. */
  get computes(): boolean {
    return this.open().some(({ state }) => state === 'computes')
  }

  /** What is under way now, of all calls. */
  open(): OpenResource[] {
    const open: OpenResource[] = []
    for (const [id, { type, call, resource: held }] of this.#followed) {
      const resource = held.deref()
      const state = resource === undefined ? 'ended' : stateOf(type, resource)
      if (state === 'ended') this.#followed.delete(id)
      if (resource === undefined || state === 'ended' || state === 'idle') continue
      const delay = type === 'Timeout' ? delayOf(resource) : 0
      open.push({ type, call, state, referenced: referenced(resource) ?? state !== 'open', delay })
    }
    return open
  }

  #hookOf({ AsyncResource, createHook }: AsyncHooks): AsyncHook {
    const options = {
      // Newer versions of Node leave promises alone then, which are many.
      trackPromises: false,
      init: (id: number, type: string, _trigger: number, resource: object): void => {
        if (!isFollowed(type)) return
        const call = this.call
        // Those that libraries make for the context alone tell no end.
        if (call === unseen || resource instanceof AsyncResource) return
        const held = resource as Resource
        this.#followed.set(id, { type, call, isRequest: isRequest(type, held), resource: new WeakRef(held) })
        this.#gotOn(type, call)
      },
      // No `destroy`: with it older versions of Node follow each promise until it is collected, and take three times as long.
      after: (id: number): void => {
        const followed = this.#followed.get(id)
        if (followed === undefined) return
        if (followed.isRequest) this.#followed.delete(id)
        this.#gotOn(followed.type, followed.call)
      },
    }
    return createHook(options)
  }

  #gotOn(type: string, call: Call | undefined): void {
    // Who asks again and again, for its signal perhaps, does not get on by that.
    if (type !== 'Timeout' && type !== 'Immediate') call?.gotOn()
  }
}

/** One for the process, as its hooks are. */
export const realWork: RealWork = new RealWork()

interface Process {
  readonly versions?: Readonly<Record<string, string | undefined>>
  readonly getBuiltinModule?: (name: string) => unknown
}

function asyncHooks(): AsyncHooks | undefined {
  const { process } = globalThis as { process?: Process }
  return process?.getBuiltinModule?.('node:async_hooks') as AsyncHooks | undefined
}

/** Bun and Deno have the module, but its hooks are told nothing. */
function isNode(): boolean {
  const versions = (globalThis as { process?: Process }).process?.versions
  return versions?.['node'] !== undefined && versions['bun'] === undefined && versions['deno'] === undefined
}
