import type { Bus, DeadLetter } from '@tidings/bus'
import { type DefinedEvent, defineEvent } from '@tidings/events'
import { z } from 'zod'

/** The data of the events that the cases publish: a number, and what makes the key. */
type Numbered = z.ZodObject<{ number: z.ZodInt; key: z.ZodOptional<z.ZodString> }>

const numbered: Numbered = z.object({ number: z.int(), key: z.string().optional() })

/** An event definition whose events have the key that their data says. */
export function counted(type: string): DefinedEvent<string, Numbered> {
  return defineEvent(type, { schema: numbered, key: ({ key }) => key })
}

/** The dead letters of the group of a bus. */
export async function lettersOf(bus: Bus): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of bus.deadLetters.list({ group: await wholeGroup(bus) })) letters.push(letter)
  return letters
}

/** How many dead letters the group of a bus has: others on the broker have theirs. */
export async function letterCount(bus: Bus): Promise<number> {
  return (await lettersOf(bus)).length
}

/** The whole name of the first group of a bus. */
export async function wholeGroup(bus: Bus): Promise<string> {
  const { groups } = await bus.health()
  const [first] = groups
  if (first === undefined) throw new Error('a bus was asked for its group before it had one')
  return first.group
}
