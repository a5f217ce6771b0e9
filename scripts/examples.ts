import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.ts'

/** A fence of TypeScript in a document. */
export interface Example {
  /** From the repository's folder, with forward slashes. */
  file: string
  /** Where its code begins, counted from 1. */
  line: number
  code: string
  /** What it is to print, where a fence of text follows it directly. */
  output: string | undefined
}

/** Every ```ts fence of the documents that `pattern` names, in their order. */
export function examples(pattern: string | readonly string[]): Example[] {
  return globSync(pattern, { cwd: root, exclude: ['**/node_modules'] })
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
    .flatMap((file) => examplesOf(file, readFileSync(join(root, file), 'utf8')))
}

/** The ```ts fences of one document. */
export function examplesOf(file: string, text: string): Example[] {
  return [...text.matchAll(/^```ts\n(.*?)^```\n(?:\n?```text\n(.*?)^```$)?/gms)].map(
    ({ index, 1: code = '', 2: output }) => ({
      file,
      line: text.slice(0, index).split('\n').length + 1,
      code,
      output,
    }),
  )
}
