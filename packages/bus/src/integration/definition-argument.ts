import { invalidArgument } from '@tidings/core/tools'

export function definitionArgument(value: unknown, place: string): void {
  const { type, create } = Object(value) as { type?: unknown; create?: unknown }
  if (typeof type === 'string' && typeof create === 'function') return
  throw invalidArgument(place, 'an event definition', value, 'Make one with defineEvent.')
}
