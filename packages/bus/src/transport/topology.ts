/** One thing that a broker must have. */
export interface TopologyPart {
  /** The broker's own word: `'exchange'`, `'queue'`, `'binding'`, `'topic'`. */
  readonly kind: string
  readonly name: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

/** What a broker has against what is needed. */
export interface TopologyPlan {
  readonly missing: readonly TopologyPart[]
  /** There with other settings; `found` are those of them that the broker tells. */
  readonly differing: readonly {
    readonly part: TopologyPart
    readonly found: Readonly<Record<string, string | number | boolean>>
  }[]
  readonly present: readonly TopologyPart[]
  /**
   * What the broker cannot be asked for, such as a binding of AMQP. To make it again changes nothing where it is there.
   */
  readonly unknown: readonly TopologyPart[]
}
