import { isTidingsError, TidingsError } from '@tidings/core'
import {
  BusClosedError,
  CapabilityMissingError,
  DeadLettersFullError,
  GroupInUseError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  UnknownGroupError,
} from '../errors.ts'
import { SettlementRefusedError } from './settlement.ts'

/** An error as plain data: it passes a structured clone, and JSON as far as its fields do. */
export interface PlainError {
  readonly message: string
  readonly stack?: string | undefined
  readonly cause?: PlainError | undefined
  /** Whether it is a `TidingsError`. */
  readonly ours: boolean
  /** Its name, and what else it has of its own: of one of ours all, as code and details; of others what is no object. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** Causes of causes that are kept: a chain may lead back. */
const deepest = 5

/** For a transport that is somewhere else: what failed there as plain data, causes included. */
export function plainError(error: unknown, depth = 0): PlainError {
  if (!(error instanceof Error)) return { message: String(error), ours: false, fields: { name: 'Error' } }
  const ours = isTidingsError(error)
  const fields: Record<string, unknown> = { name: error.name }
  for (const [name, value] of Object.entries(error)) {
    if (ours || (typeof value !== 'object' && typeof value !== 'function')) fields[name] = value
  }
  const { message, stack, cause } = error
  const isDeep = cause === undefined || depth === deepest
  return { message, stack, ours, fields, cause: isDeep ? undefined : plainError(cause, depth + 1) }
}

/** A class of errors, for {@link errorOf}. */
export type ErrorClass = abstract new (...args: never) => Error

const ofTheContract: readonly ErrorClass[] = [
  BusClosedError,
  CapabilityMissingError,
  DeadLettersFullError,
  GroupInUseError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  SettlementRefusedError,
  UnknownGroupError,
]

/**
 * The error again, with all that it had. It is of its class where that is one of the contract of transports or one of
 * `classes`, by its name; else a `TidingsError` of the same code, or an `Error`.
 */
export function errorOf(plain: PlainError, classes: readonly ErrorClass[] = []): Error {
  const { message, stack, cause, ours, fields } = plain
  const options = cause === undefined ? undefined : { cause: errorOf(cause, classes) }
  const error = ours ? new TidingsError(String(fields['code']), message, options) : new Error(message, options)
  const own = [...ofTheContract, ...classes].find(({ name }) => name === fields['name'])
  if (ours && own !== undefined) Object.setPrototypeOf(error, own.prototype as object)
  if (stack !== undefined) error.stack = stack
  return Object.assign(error, fields)
}
