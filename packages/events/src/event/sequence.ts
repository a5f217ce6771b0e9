/** The count of the events of one source, shared by all definitions that name it. */
export interface Sequence {
  readonly source: string
  last: number
}

const sequences = new Map<string, Sequence>()

/** The counter of a source. One small entry is kept for each source that a process has ever named. */
export function sequenceOf(source: string): Sequence {
  let sequence = sequences.get(source)
  if (sequence === undefined) sequences.set(source, (sequence = { source, last: 0 }))
  return sequence
}

/** The counter of a source that has one. */
export function knownSequence(source: string): Sequence | undefined {
  return sequences.get(source)
}

/** A sequence as CloudEvents has it: text that sorts as the numbers do. */
export function sequenceText(sequence: number): string {
  return String(sequence).padStart(16, '0')
}

/** The number of a CloudEvents sequence, `undefined` when it is none that we can count with. */
export function sequenceNumber(value: unknown): number | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value))) return undefined
  const sequence = Number(value)
  return Number.isSafeInteger(sequence) && sequence >= 0 ? sequence : undefined
}
