/** Numbers by chance, the same ones for the same seed. */
export interface Chance {
  /** From 0 up to, not with, 1. */
  next(): number
  /** A whole number, both ends included. */
  whole(least: number, most: number): number
  /** True in this part of the cases. */
  happens(part: number): boolean
  pick<Item>(items: readonly [Item, ...Item[]]): Item
  pick<Item>(items: readonly Item[]): Item | undefined
  shuffled<Item>(items: readonly Item[]): Item[]
}

/** The seeds may be near to each other: what they lead to is not. */
export function chance(seed: number): Chance {
  // The generator "mulberry32", behind a mix of the seed.
  let state = Math.imul(seed ^ (seed >>> 16) ^ Math.trunc(seed / 2 ** 32), 0x45d9f3b) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  const shuffled = <Item>(items: readonly Item[]): Item[] => {
    const mixed = [...items]
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = whole(0, last)
      ;[mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!]
    }
    return mixed
  }
  return {
    next,
    whole,
    happens: (part) => next() < part,
    pick: <Item>(items: readonly Item[]) => items[Math.floor(next() * items.length)]!,
    shuffled,
  }
}
