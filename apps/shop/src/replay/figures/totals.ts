import { Figures, type FiguresReport } from './figures.ts'
import type { View } from './view.ts'

/** All lines together. */
export function totals(): View<FiguresReport> {
  const figures = new Figures()
  return { handle: (event) => figures.add(event), report: () => figures.report() }
}
