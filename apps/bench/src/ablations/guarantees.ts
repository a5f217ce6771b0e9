/** Code that is there only where a guarantee is kept. */
export type When<Guarantee extends string> = (guarantee: Guarantee, code: string, otherwise?: string) => string

export function keeping<Guarantee extends string>(kept: readonly Guarantee[]): When<Guarantee> {
  return (guarantee, code, otherwise = '') => (kept.includes(guarantee) ? code : otherwise)
}

/** A guarantee and all those that come before it. */
export function upTo<Guarantee extends string>(labels: Readonly<Record<Guarantee, string>>): Guarantee[][] {
  const all = Object.keys(labels) as Guarantee[]
  return [[], ...all.map((_, at) => all.slice(0, at + 1))]
}
