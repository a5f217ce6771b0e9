import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

/**
 * What a service outside of the shop remembers: the answer that it gave for each key. So that a key that it knows means
 * the same thing once, whatever becomes of the shop.
 */
export interface Memory {
  /** The time that a question and an answer are under way. */
  travel(): Promise<void>
  get(key: string): unknown
  /** Remembers the answer for a key that is not there yet, and what was asked. */
  keep(key: string, entry: { readonly asked: object; readonly answer: unknown }): void
}

/** One that ends with the process, as the shop in memory does. */
export function shortMemory(): Memory {
  const answers = new Map<string, unknown>()
  return {
    travel: async () => {},
    get: (key) => answers.get(key),
    keep: (key, { answer }) => void answers.set(key, answer),
  }
}

/** One of a service that goes on while the shop is killed: a line of JSON for each key, in a file of its own. */
export function longMemory(file: string): Memory {
  const answers = new Map<string, unknown>()
  if (existsSync(file)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue
      const { key, answer } = JSON.parse(line) as { key: string; answer: unknown }
      answers.set(key, answer)
    }
  }
  return {
    travel: () => setTimeout(5),
    get: (key) => answers.get(key),
    keep(key, { asked, answer }) {
      answers.set(key, answer)
      appendFileSync(file, `${JSON.stringify({ key, ...asked, answer })}\n`)
    },
  }
}
