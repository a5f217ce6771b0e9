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

/**
 * One of a service that goes on while the shop is killed: a line of JSON for each key, in a file of its own. Several
 * processes may ask it; each key by one of them at a time.
 */
export function longMemory(file: string): Memory {
  const answers = new Map<string, unknown>()
  let read = 0
  const get = (key: string): unknown => {
    if (!answers.has(key) && existsSync(file)) {
      // What another process was answered meanwhile. A line that is being written ends later.
      const lines = readFileSync(file).subarray(read)
      const whole = lines.subarray(0, lines.lastIndexOf(10) + 1)
      read += whole.length
      for (const line of whole.toString().split('\n')) {
        if (line === '') continue
        const known = JSON.parse(line) as { key: string; answer: unknown }
        answers.set(known.key, known.answer)
      }
    }
    return answers.get(key)
  }
  return {
    travel: () => setTimeout(5),
    get,
    keep(key, { asked, answer }) {
      answers.set(key, answer)
      appendFileSync(file, `${JSON.stringify({ key, ...asked, answer })}\n`)
    },
  }
}
