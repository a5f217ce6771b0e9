import type { AsyncEventDispatcher } from '@tidings/core'
import type { HandlerDecorator, Logged } from '@tidings/decorators'

/** What every module is given: the events, and somebody who tells people what it does. No other module. */
export interface Surroundings {
  readonly events: AsyncEventDispatcher
  readonly narrator: Narrator
}

/** Tells people what the handlers do. */
export interface Narrator {
  /** A decorator that tells what a handler of the module returns, or that it returned nothing, or failed. */
  told(module: string): HandlerDecorator<Logged>
  /** A remark on what has just been told. */
  note(line: string): void
}
