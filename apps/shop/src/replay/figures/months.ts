import { byUtf8 } from './exact.ts'
import { FiguresBy, type FiguresReport } from './figures.ts'
import type { View } from './view.ts'

/** The lines of each month (`2011-01`), in order of time. */
export function months(): View<Record<string, FiguresReport>> {
  const groups = new FiguresBy(({ data }) => data.invoicedAt.slice(0, 7))
  return {
    handle: (event) => groups.add(event),
    report: () => Object.fromEntries(groups.entries().toSorted(([a], [b]) => byUtf8(a, b))),
  }
}
