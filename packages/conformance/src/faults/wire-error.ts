import {
  DeadLettersFullError,
  GroupInUseError,
  MessageTooLargeError,
  OutcomeUnknownError,
  SettlementRefusedError,
  UnknownGroupError,
} from '@tidings/bus'
import { isTidingsError, TidingsError } from '@tidings/core'
import type { WireError } from './wire.ts'

export function errorToWire(error: unknown): WireError {
  if (isTidingsError(error)) {
    const { name, code, message, details } = error
    const cause = code === 'SETTLEMENT_REFUSED' ? errorToWire(error.cause) : undefined
    return { name, code, message, details, cause }
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) }
}

/** The errors that the contract names are of their classes again; others keep their code. */
export function errorFromWire({ name, code, message, details = {}, cause }: WireError): Error {
  if (code === undefined) return Object.assign(new Error(message), { name })
  const { group, type, size, limit, members } = details
  if (code === 'MESSAGE_TOO_LARGE') return new MessageTooLargeError(String(type), Number(size), Number(limit))
  if (code === 'DEAD_LETTERS_FULL') return new DeadLettersFullError(Number(limit))
  if (code === 'UNKNOWN_GROUP') return new UnknownGroupError(String(group), String(type))
  if (code === 'GROUP_IN_USE') return new GroupInUseError(String(group), Number(members))
  if (code === 'SETTLEMENT_REFUSED') return new SettlementRefusedError(cause && errorFromWire(cause))
  if (code === 'OUTCOME_UNKNOWN') return new OutcomeUnknownError(message.split('\n', 1)[0] ?? message)
  return new TidingsError(code, message, { details })
}
