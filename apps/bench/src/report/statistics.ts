/** What several rounds came to. */
export interface Summary {
  readonly median: number
  /** The first and the third quartile: half of all rounds lie between. */
  readonly low: number
  readonly high: number
  readonly rounds: number
}

/** The value below which a share of the values lies, interpolated between neighbours. Throws where there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) throw new RangeError('a percentile needs at least one value')
  return below + (above - below) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function summarise(values: readonly number[]): Summary {
  return {
    median: median(values),
    low: percentile(values, 0.25),
    high: percentile(values, 0.75),
    rounds: values.length,
  }
}
