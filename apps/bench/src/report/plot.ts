/** Plots as SVG text, readable on light and on dark ground, without a script or a font of their own. */

/** One bar. */
export interface PlotBar {
  readonly label: string
  readonly side: 'ours' | 'peer' | 'hand'
  readonly value: number
  readonly low: number
  readonly high: number
}

/** One line; its points are in order of size. */
export interface PlotLine {
  readonly label: string
  readonly side: 'ours' | 'peer' | 'hand'
  readonly points: readonly (readonly [size: number, value: number])[]
}

const width = 760
const font = 13
const sideColours = { ours: 'var(--ours)', peer: 'var(--peer)', hand: 'var(--hand)' }
const lineColours = ['var(--ours)', 'var(--second)', 'var(--peer)', 'var(--third)']

/** Horizontal bars from 0, longest first, with their quartiles and a line at 1. */
export function barChart(title: string, subtitle: string, bars: readonly PlotBar[]): string {
  const left = 250
  const right = 64
  const top = 62
  const row = 24
  const sorted = bars.toSorted((a, b) => b.value - a.value)
  const scale = (width - left - right) / Math.max(1, ...sorted.map(({ high }) => high))
  const x = (value: number): string => (left + value * scale).toFixed(1)
  const bottom = top + sorted.length * row
  const body = sorted.flatMap(({ label, side, value, low, high }, at) => {
    const middle = top + at * row + row / 2
    const weight = side === 'ours' ? ' class="ours"' : ''
    return [
      `<text x="${left - 10}" y="${middle + 4}" text-anchor="end"${weight}>${escaped(label)}</text>`,
      `<rect x="${left}" y="${middle - 7}" width="${Math.max(1, value * scale).toFixed(1)}" height="14" rx="2" fill="${sideColours[side]}"/>`,
      `<path d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${middle - 3}v6M${x(high)} ${middle - 3}v6" class="spread"/>`,
      `<text x="${(left + high * scale + 8).toFixed(1)}" y="${middle + 4}"${weight}>${figure(value)}</text>`,
    ]
  })
  // Behind the bars and their figures.
  body.unshift(`<path d="M${x(1)} ${top - 4}V${bottom + 4}" class="one"/>`)
  return svg(bottom + 20, title, subtitle, body)
}

/** Lines of nanoseconds over sizes, both axes logarithmic. */
export function lineChart(title: string, subtitle: string, lines: readonly PlotLine[]): string {
  const [left, right, top, height] = [70, 190, 70, 240]
  const points = lines.flatMap((line) => line.points)
  const sizes = [...new Set(points.map(([size]) => size))].toSorted((a, b) => a - b)
  const decades = (values: readonly number[]): [number, number] => {
    const low = Math.floor(Math.log10(Math.min(...values)))
    return [low, Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))]
  }
  const [minX, maxX] = decades(sizes)
  const [minY, maxY] = decades(points.map(([, value]) => value))
  const x = (size: number): number => left + ((Math.log10(size) - minX) / (maxX - minX)) * (width - left - right)
  const y = (value: number): number => top + height - ((Math.log10(value) - minY) / (maxY - minY)) * height
  const body: string[] = []
  for (let power = minY; power <= maxY; power++) {
    const at = y(10 ** power).toFixed(1)
    body.push(`<path d="M${left} ${at}H${width - right}" class="grid"/>`)
    body.push(
      `<text x="${left - 8}" y="${Number(at) + 4}" text-anchor="end" class="soft">${nanoseconds(10 ** power)}</text>`,
    )
  }
  for (const size of sizes) {
    body.push(
      `<text x="${x(size).toFixed(1)}" y="${top + height + 20}" text-anchor="middle" class="soft">${count(size)}</text>`,
    )
  }
  const ends = spreadOut(
    lines.map((line) => y(line.points.at(-1)?.[1] ?? 1)),
    17,
    top + height,
  )
  lines.forEach((line, at) => {
    const colour = lineColours[at % lineColours.length]!
    const path = line.points.map(([size, value]) => `${x(size).toFixed(1)} ${y(value).toFixed(1)}`).join('L')
    body.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>`)
    for (const [size, value] of line.points) {
      body.push(`<circle cx="${x(size).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3.5" fill="${colour}"/>`)
    }
    const endX = x(line.points.at(-1)?.[0] ?? 10)
    body.push(
      `<text x="${(endX + 10).toFixed(1)}" y="${(ends[at]! + 4).toFixed(1)}" style="fill: ${colour}"${line.side === 'ours' ? ' class="ours"' : ''}>${escaped(line.label)}</text>`,
    )
  })
  return svg(top + height + 34, title, subtitle, body)
}

function svg(height: number, title: string, subtitle: string, body: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}: ${escaped(subtitle)}</title>
<style>
svg { --ink: #1f2328; --soft: #59636e; --ours: #0a7d55; --second: #5f4bb6; --peer: #8c959f; --third: #b35900; --hand: #c9b458; --grid: #d1d9e0 }
@media (prefers-color-scheme: dark) {
  svg { --ink: #f0f6fc; --soft: #9198a1; --ours: #2fbf87; --second: #a594f9; --peer: #6e7681; --third: #f0883e; --hand: #8a7a2f; --grid: #3d444d }
}
text { font: ${font}px system-ui, sans-serif; fill: var(--ink) }
.soft { fill: var(--soft) }
.ours { font-weight: 600 }
.grid { stroke: var(--grid) }
.spread { stroke: var(--ink); fill: none; stroke-opacity: 0.65 }
.one { stroke: var(--soft); stroke-dasharray: 4 3; stroke-opacity: 0.6; fill: none }
</style>
<text x="10" y="22" style="font-size: 16px; font-weight: 600">${escaped(title)}</text>
<text x="10" y="42" class="soft">${escaped(subtitle)}</text>
${body.join('\n')}
</svg>
`
}

/** Moves positions apart until neighbours keep their distance, none lies below `bottom`, and their order stays. */
function spreadOut(positions: readonly number[], distance: number, bottom: number): number[] {
  const moved = [...positions]
  const order = positions.map((_, at) => at).toSorted((a, b) => positions[a]! - positions[b]!)
  let least = -Infinity
  for (const at of order) least = distance + (moved[at] = Math.max(moved[at]!, least))
  let most = bottom
  for (const at of order.toReversed()) most = (moved[at] = Math.min(moved[at]!, most)) - distance
  return moved
}

/** A ratio as tables and plots show it. */
export function figure(value: number): string {
  if (value >= 10) return value.toFixed(value >= 100 ? 0 : 1)
  return value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2)
}

/** A number with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A duration, in the unit that suits it. */
export function nanoseconds(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} ms`
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} µs`
  return `${value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2))} ns`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('`', '')
}
