/** Marks up text for a terminal, or leaves it as it is. */
export type Paint = (style: keyof typeof codes, text: string) => string

const codes = { dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export const plain: Paint = (_style, text) => text

export const coloured: Paint = (style, text) => `\u001b[${codes[style][0]}m${text}\u001b[${codes[style][1]}m`

/**
 * What the environment says of colours: `FORCE_COLOR` first, as Node reads it, then `NO_COLOR` and a terminal that can
 * do nothing; undefined where it says nothing.
 */
export function colourWish(): boolean | undefined {
  const force = variable('FORCE_COLOR')
  if (force !== undefined) return force !== '0' && force !== 'false'
  if (variable('NO_COLOR')) return false
  return variable('TERM') === 'dumb' ? false : undefined
}

/** Whether standard output is a terminal. Browsers and workers have none. */
export function isTerminal(): boolean {
  return theProcess()?.stdout?.isTTY === true
}

/** What runtimes for servers have, each as far as it does. */
interface ProcessLike {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdout?: { readonly isTTY?: boolean }
}

function theProcess(): ProcessLike | undefined {
  return (globalThis as { readonly process?: ProcessLike }).process
}

function variable(name: string): string | undefined {
  try {
    return theProcess()?.env?.[name]
  } catch {
    // Deno asks for a permission.
    return undefined
  }
}
