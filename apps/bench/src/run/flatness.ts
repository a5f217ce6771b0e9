/** Bytes at one moment of a run. */
export interface MemorySample {
  readonly resident: number
  readonly heap: number
}

/** The highest of each half of a run, in MiB. */
export interface Halves {
  readonly resident: readonly [number, number]
  readonly heap: readonly [number, number]
}

/** The highest of each half of a run. */
export function halvesOf(samples: readonly MemorySample[]): Halves {
  const middle = Math.ceil(samples.length / 2)
  const highest = (part: readonly MemorySample[], of: keyof MemorySample): number =>
    mebibytes(part.reduce((most, sample) => Math.max(most, sample[of]), 0))
  const both = (of: keyof MemorySample): [number, number] => [
    highest(samples.slice(0, middle), of),
    highest(samples.slice(middle), of),
  ]
  return { resident: both('resident'), heap: both('heap') }
}

/** The first half as a share of the second: of resident memory or of the heap, whichever grows more. */
export function flatnessOf({ resident, heap }: Halves): number {
  return Math.min(resident[0] / resident[1], heap[0] / heap[1])
}

export function mebibytes(bytes: number): number {
  return bytes / 2 ** 20
}
