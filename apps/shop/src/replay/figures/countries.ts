import { byUtf8 } from './exact.ts'
import { FiguresBy, type FiguresReport } from './figures.ts'
import type { View } from './view.ts'

/** The lines of each country, in the order of their names. */
export function countries(): View<Record<string, FiguresReport>> {
  const groups = new FiguresBy(({ data }) => data.country)
  return {
    handle: (event) => groups.add(event),
    report: () => Object.fromEntries(groups.entries().toSorted(([a], [b]) => byUtf8(a, b))),
  }
}
