import type { Scenario } from '../scenarios/scenario.ts'
import { barChart, lineChart } from './plot.ts'
import type { Result } from './report.ts'

/** The cells worth a picture. */
const pictured: readonly (readonly [scenario: string, column: string])[] = [
  ['publish-1', 'warmed'],
  ['publish-3', 'warmed'],
  ['publish-3', 'real'],
  ['topics-1000', 'warmed'],
  ['churn-3', 'warmed'],
  ['async-3', 'warmed'],
  ['patterns', 'warmed'],
  ['iterators', 'hot'],
]

/** A plot and the scenario that it belongs to. */
export interface Plot {
  readonly scenario: string
  /** Without a folder. */
  readonly file: string
  readonly alternative: string
  readonly svg: string
}

/** The plots that the results allow. */
export function plotsOf(scenarios: readonly Scenario[], results: readonly Result[]): Plot[] {
  return scenarios.flatMap((scenario) => {
    const own = results.filter((result) => result.scenario === scenario.id)
    if (scenario.kind !== 'race' || own.length === 0) return []
    if (scenario.group === 'growth') return [growthPlot(scenario.id, scenario.title, scenario.unit, scenario, own)]
    return pictured
      .filter(([id]) => id === scenario.id)
      .map(([, column]) => ({ column, cells: own.filter((result) => result.column === column) }))
      .filter(({ cells }) => cells.length > 0)
      .map(({ column, cells }) => ({
        scenario: scenario.id,
        file: `${scenario.id}-${column}.svg`,
        alternative: `${scenario.title}, ${column}`,
        svg: barChart(
          `${scenario.title}, ${column}`,
          `Speed as a multiple of ${scenario.yardstick}; longer is faster; whiskers are quartiles`,
          cells.map(({ contestant, figure }) => ({
            label: scenario.contestants[contestant]?.label ?? contestant,
            side: scenario.contestants[contestant]?.side ?? 'peer',
            value: figure.median,
            low: figure.low,
            high: figure.high,
          })),
        ),
      }))
  })
}

function growthPlot(id: string, title: string, unit: string, scenario: Scenario, results: readonly Result[]): Plot {
  const lines = Object.entries(scenario.contestants).map(([contestant, { label, side }]) => ({
    label,
    side,
    points: results
      .filter((result) => result.contestant === contestant)
      .map((result) => [Number(result.column), result.nanoseconds ?? 0] as const)
      .toSorted(([a], [b]) => a - b),
  }))
  return {
    scenario: id,
    file: `${id}.svg`,
    alternative: title,
    svg: lineChart(
      title,
      `Nanoseconds for one ${unit}; a level line means that numbers cost nothing`,
      lines.filter(({ points }) => points.length > 0),
    ),
  }
}
