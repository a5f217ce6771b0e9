import { styleText } from 'node:util'

/** What text is written to: `process.stdout` and `process.stderr`, or anything alike. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** Marks up text for one output; leaves it plain where that is no colour terminal. */
export type Style = (format: 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan', text: string) => string

/** How many characters a line may have: those of a terminal. What is no terminal, or does not know (0), has no limit. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY === true && columns ? columns : Infinity
}

/** Colours follow the terminal, and `NO_COLOR`, `NODE_DISABLE_COLORS` and `FORCE_COLOR` as Node reads them. */
export function styleFor(output: Output): Style {
  return (format, text) => styleText(format, text, { stream: output })
}
