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

/** Writes and waits until it is handed over. A reader who has left, as `head` does, is no error; others are returned. */
export async function print(output: Output, text: string): Promise<Error | undefined> {
  const error = await new Promise<Error | null | undefined>((resolve) => {
    output.write(text, resolve)
  })
  return error && !('code' in error && error.code === 'EPIPE') ? error : undefined
}
