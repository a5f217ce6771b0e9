import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../command.ts'
import { linkPackages, root, temporaryFolder, tool } from '../workspace.ts'

const patience = 120_000

/**
 * A source with what the compiler says of it: under each line that it refuses, where `^` is the place to which it
 * points. The whole message is there, so that a second line of it, or a second message, shows.
 */
async function told(source: string): Promise<string> {
  using folder = temporaryFolder('told')
  linkPackages(folder.path)
  const lines = source.split('\n').filter((line) => !/^\/\/ *\^/.test(line))
  writeFileSync(join(folder.path, 'source.mts'), lines.join('\n'))
  const compilerOptions = { noEmit: true, isolatedDeclarations: false }
  const tsconfig = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['source.mts'] }
  writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify(tsconfig))
  const { stdout } = await run(tool('tsc'), ['-p', '.', '--pretty', 'false'], { cwd: folder.path })
  const said = lines.map((line) => [line])
  let at = 0
  for (const text of stdout.trimEnd().split('\n')) {
    const [, line, column, message = text] = /^source\.mts\((\d+),(\d+)\): error TS\d+: (.+)$/.exec(text) ?? []
    if (line !== undefined) at = Number(line) - 1
    said[at]!.push(column === undefined ? message : `//${' '.repeat(Number(column) - 3)}^ ${message}`)
  }
  return said.flat().join('\n')
}

const core = `
import { AsyncEventDispatcher, EventDispatcher, eventType } from '@tidings/core'
import { defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'

interface Shop {
  'order.placed': { item: string; quantity: number }
  tick: undefined
}
const OrderPlaced = defineEvent('order', z.object({ item: z.string(), tags: z.array(z.object({ text: z.string() })).default([]) }))
const Plain = eventType<{ size: number }>()('plain')
const Another = eventType<{ sku: string }>()('order.placed')
declare const placed: EventOf<typeof OrderPlaced>
declare const open: EventDispatcher, shop: EventDispatcher<Shop>, later: AsyncEventDispatcher

// A definition.
open.publish(OrderPlaced, { item: 7 })
//                          ^ Type 'number' is not assignable to type 'string'.
open.publish(OrderPlaced, {})
//                        ^ Property 'item' is missing in type '{}' but required in type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
open.publish(OrderPlaced, { item: 'Book', tags: [{ text: 1 }] })
//                                                 ^ Type 'number' is not assignable to type 'string'.
open.publish(OrderPlaced, { item: 'Book', colour: 'red' })
//                                        ^ Object literal may only specify known properties, and 'colour' does not exist in type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
open.publish(OrderPlaced, {} as unknown)
//                        ^ Argument of type 'unknown' is not assignable to parameter of type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
open.publish(OrderPlaced)
//   ^ Expected 2-3 arguments, but got 1.
open.publish(OrderPlaced, { item: 'Book' }, { idd: '1' })
//                                            ^ Object literal may only specify known properties, and 'idd' does not exist in type 'CreateOptions'.
open.publish(OrderPlaced, { item: 'Book' }, { id: 1 })
//                                            ^ Type 'number' is not assignable to type 'string'.
open.publish(OrderPlaced, { item: 'Book' }, {}, 1)
//                                              ^ Expected 2-3 arguments, but got 4.
open.publish(Plain, { size: 'L' })
//                    ^ Type 'string' is not assignable to type 'number'.
open.publish(Plain)
//   ^ Expected 2-3 arguments, but got 1.
later.publish(OrderPlaced, { item: 7 })
//                           ^ Type 'number' is not assignable to type 'string'.
later.publish(OrderPlaced)
//    ^ Expected 2-3 arguments, but got 1.
shop.publish(OrderPlaced, { item: 7 })
//                          ^ Type 'number' is not assignable to type 'string'.
shop.publish(Another, { sku: 'B1' })
//           ^ Argument of type 'EventDefinition<"order.placed", { sku: string; }, { sku: string; }, unknown>' is not assignable to parameter of type '"the event map has another payload for order.placed"'.

// An event type.
shop.publish('order.placed', { item: 7, quantity: 1 })
//                             ^ Type 'number' is not assignable to type 'string'.
shop.publish('order.placed', { item: 'Book' })
//                           ^ Property 'quantity' is missing in type '{ item: string; }' but required in type '{ item: string; quantity: number; }'.
shop.publish('order.placed', { item: 'Book', quantity: 1, colour: 'red' })
//                                                        ^ Object literal may only specify known properties, and 'colour' does not exist in type '{ item: string; quantity: number; }'.
shop.publish('order.placed')
//   ^ Expected 2 arguments, but got 1.
shop.publish('order.placed', { item: 'Book', quantity: 1 }, {})
//                                                          ^ Expected 2 arguments, but got 3.
shop.publish('tick', 1)
//                   ^ Argument of type '1' is not assignable to parameter of type 'undefined'.
shop.publish('order.plcd', { item: 'Book', quantity: 1 })
//           ^ Argument of type '"order.plcd"' is not assignable to parameter of type 'keyof Shop'.
shop.publish('order.plcd')
//           ^ Argument of type '"order.plcd"' is not assignable to parameter of type 'keyof Shop'.
open.publish('order.*', 1)
//           ^ Argument of type '"order.*"' is not assignable to parameter of type '"order.* is a pattern, publish to an event type"'.
open.publish('order.*')
//           ^ Argument of type '"order.*"' is not assignable to parameter of type '"order.* is a pattern, publish to an event type"'.

// An event.
shop.publish({ type: 'order.placed', item: 7, quantity: 1 })
//                                   ^ Type 'number' is not assignable to type 'string'.
open.publish({ typ: 'order.placed' })
//             ^ Object literal may only specify known properties, but 'typ' does not exist in type 'NamedEvent'. Did you mean to write 'type'?
open.publish(undefined)
//           ^ Argument of type 'undefined' is not assignable to parameter of type 'NamedEvent'.

// A topic.
open.topic(OrderPlaced).publish({ item: 7 })
//                                ^ Type 'number' is not assignable to type 'string'.
open.topic(OrderPlaced).publish()
//                      ^ Expected 1-2 arguments, but got 0.
shop.topic('order.placed').publish({ item: 7, quantity: 1 })
//                                   ^ Type 'number' is not assignable to type 'string'.
shop.topic('order.placed').publish()
//                         ^ Expected 1 arguments, but got 0.

// What is right, one way or another.
shop.publish('order.placed', { item: 'Book', quantity: 1 })
shop.publish('tick')
shop.publish('tick', undefined)
shop.publish({ type: 'order.placed', item: 'Book', quantity: 1 })
open.publish({ type: 'film', length: 3 })
open.publish(placed)
open.publish(Math.random() > 0.5 ? OrderPlaced : Plain, { item: 'Book' })
`

const bus = `
import { type BatchContext, type Bus, handler, type HandlerContext } from '@tidings/bus'
import { createCatalog, defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'

const OrderPlaced = defineEvent('order', z.object({ item: z.string(), tags: z.array(z.object({ text: z.string() })).default([]) }))
const Branded = defineEvent('branded', z.object({ id: z.string().brand<'Id'>(), at: z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toJSON() }) }))
declare const placed: EventOf<typeof OrderPlaced>
declare const bus: Bus, context: HandlerContext, batch: BatchContext

// A definition.
bus.publish(OrderPlaced, { item: 7 })
//                         ^ Type 'number' is not assignable to type 'string'.
bus.publish(OrderPlaced, {})
//                       ^ Property 'item' is missing in type '{}' but required in type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
bus.publish(OrderPlaced, { item: 'Book', tags: [{ text: 1 }] })
//                                                ^ Type 'number' is not assignable to type 'string'.
bus.publish(OrderPlaced, { item: 'Book', colour: 'red' })
//                                       ^ Object literal may only specify known properties, and 'colour' does not exist in type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
bus.publish(OrderPlaced, {} as unknown)
//                       ^ Argument of type 'unknown' is not assignable to parameter of type '{ readonly item: string; readonly tags?: readonly { readonly text: string; }[] | undefined; }'.
bus.publish(Branded, { id: 1, at: new Date() })
//                     ^ Type 'number' is not assignable to type 'string'.
bus.publish(Branded, { id: 'b1', at: 'today' })
//                               ^ Type 'string' is not assignable to type 'Date'.
bus.publish(OrderPlaced)
//  ^ Expected 2-3 arguments, but got 1.
bus.publish(OrderPlaced, { item: 'Book' }, { dellay: '1s' })
//                                           ^ Object literal may only specify known properties, but 'dellay' does not exist in type 'PublishOptions'. Did you mean to write 'delay'?
bus.publish(OrderPlaced, { item: 'Book' }, { delay: true })
//                                           ^ Type 'true' is not assignable to type 'Duration | undefined'.
bus.publish(OrderPlaced, { item: 'Book' }, {}, 1)
//                                             ^ Expected 2-3 arguments, but got 4.

// An event made before.
bus.publish(placed, { dellay: '1s' })
//                    ^ Object literal may only specify known properties, but 'dellay' does not exist in type 'PublishOptions'. Did you mean to write 'delay'?
bus.publish(placed, { item: 'Book' })
//                    ^ Object literal may only specify known properties, and 'item' does not exist in type 'PublishOptions'.
bus.publish(placed, {}, 1)
//                      ^ Expected 1-2 arguments, but got 3.

// Neither.
bus.publish('order', { item: 'Book' })
//          ^ Argument of type 'string' is not assignable to parameter of type 'DefinedEvent<string, StandardSchema<unknown, unknown>>'.
bus.publish(undefined)
//          ^ Argument of type 'undefined' is not assignable to parameter of type 'DefinedEvent<string, StandardSchema<unknown, unknown>>'.

// A request.
bus.request(OrderPlaced, { item: 7 })
//                         ^ Type 'number' is not assignable to type 'string'.
bus.request(OrderPlaced)
//  ^ Expected 2-3 arguments, but got 1.
bus.request(OrderPlaced, { item: 'Book' }, { timout: '1s' })
//                                           ^ Object literal may only specify known properties, but 'timout' does not exist in type 'RequestOptions<TidingsEvent<string, unknown>>'. Did you mean to write 'timeout'?

// In a handler.
context.publish(OrderPlaced, { item: 7 })
//                             ^ Type 'number' is not assignable to type 'string'.
context.publish(OrderPlaced)
//      ^ Expected 2-3 arguments, but got 1.
context.publish(OrderPlaced, { item: 'Book' }, { dellay: '1s' })
//                                               ^ Object literal may only specify known properties, but 'dellay' does not exist in type 'PublishOptions'. Did you mean to write 'delay'?
context.publish(placed, { dellay: '1s' })
//                        ^ Object literal may only specify known properties, but 'dellay' does not exist in type 'PublishOptions'. Did you mean to write 'delay'?
context.reply(OrderPlaced, { item: 7 })
//                           ^ Type 'number' is not assignable to type 'string'.
context.reply(OrderPlaced)
//      ^ Expected 2 arguments, but got 1.
batch.publish(placed, OrderPlaced, { item: 7 })
//                                   ^ Type 'number' is not assignable to type 'string'.
batch.publish(placed, OrderPlaced)
//    ^ Expected 3-4 arguments, but got 2.
batch.publish(placed, OrderPlaced, { item: 'Book' }, { dellay: '1s' })
//                                                     ^ Object literal may only specify known properties, but 'dellay' does not exist in type 'PublishOptions'. Did you mean to write 'delay'?

// Events of a catalog, told apart by their type.
handler(createCatalog([OrderPlaced, Branded]).definitions, { group: 'all' }, (event) => {
  if (event.type === 'order') event.data.itm
//                                       ^ Property 'itm' does not exist on type '{ readonly item: string; readonly tags: readonly { readonly text: string; }[]; }'. Did you mean 'item'?
  if (event.type === 'branded') event.data.at.getTime()
  if (event.type === 'ordr') return
//    ^ This comparison appears to be unintentional because the types '"branded" | "order"' and '"ordr"' have no overlap.
})

// What is right, one way or another.
bus.publish(OrderPlaced, { item: 'Book' }, { delay: '1s' })
bus.publish(placed)
context.publish(placed, { delay: '1s' })
`

test.each([
  ['the dispatchers', core],
  ['the bus and the context of a handler', bus],
])('a wrong argument of publish is told where it stands, in one line: %s', { timeout: patience }, async (_, source) => {
  expect(await told(source)).toBe(source)
})
