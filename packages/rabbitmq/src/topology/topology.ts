/** One thing that a broker must have. */
export interface TopologyPart {
  /** The broker's own word: exchange, queue, binding. */
  readonly kind: string
  readonly name: string
  readonly settings: Readonly<Record<string, string | number | boolean>>
}
