import type { EncodedEvent } from '@tidings/events'

/** The attributes of a sealed event: whose it is, and what is sealed. In its data stands what is read without the key. */
export const sealAttributes = ['sealedfor', 'sealed'] as const

export function isSealed({ attributes }: EncodedEvent): boolean {
  return sealAttributes.every((name) => attributes[name] !== undefined)
}
