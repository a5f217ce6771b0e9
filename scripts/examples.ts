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

/** A part of a source file in a document: a fence of TypeScript that names the file. */
export interface Quote extends Pick<Example, 'file' | 'line' | 'code'> {
  /** The source file, from the repository's folder. */
  of: string
}

/** Every ```ts fence of the documents that `pattern` names, in their order. */
export function examples(pattern: string | readonly string[]): Example[] {
  return documents(pattern).flatMap(({ file, text }) => examplesOf(file, text))
}

/** Every fence of the documents that names a file, as "```ts apps/shop/src/shop.ts" does. */
export function quotes(pattern: string | readonly string[]): Quote[] {
  return documents(pattern).flatMap(({ file, text }) =>
    [...text.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(({ index, 1: of = '', 2: code = '' }) => ({
      file,
      line: lineAt(text, index) + 1,
      of,
      code,
    })),
  )
}

function documents(pattern: string | readonly string[]): { file: string; text: string }[] {
  return globSync(pattern, { cwd: root, exclude: ['**/node_modules'] })
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
}

/** The ```ts fences of one document. */
export function examplesOf(file: string, text: string): Example[] {
  return [...text.matchAll(/^```ts\n(.*?)^```\n(?:\n?```text\n(.*?)^```$)?/gms)].map(
    ({ index, 1: code = '', 2: output }) => ({
      file,
      line: lineAt(text, index) + 1,
      code,
      output,
    }),
  )
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
