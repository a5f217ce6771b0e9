import { styleText } from 'node:util'

/** Colours a text where the terminal shows colours; `NO_COLOR` and `FORCE_COLOR` are respected. */
export type Paint = (style: 'bold' | 'cyan' | 'gray' | 'green' | 'red' | 'yellow', text: string) => string

export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (style, text) => styleText(style, text, { stream })
}
