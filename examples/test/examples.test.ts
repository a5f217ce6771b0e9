import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const folder = dirname(import.meta.dirname)

/** What each example prints, to the letter. */
const outputs: Record<string, string> = {
  'synchronous-dispatcher.ts': `
Order placed: Python Book. Updating inventory...
Sending notification for order: Python Book
`,
  'asynchronous-dispatcher.ts': `
Event published; continuing...
Async: Notification sent for Async Python Guide
Async: Order placed: Async Python Guide
`,
  'logging-decorator.ts': `
Executing my_handler
Handled: hello
Subscribed as my_handler, a function of 1 argument
`,
  'typed-event.ts': `
2 x Book for user 0
Unchanged at 1: TypeError
true
`,
  'producers-and-listeners.ts': `
Processing order #123 for Coffee
Order #124 has been shipped.
`,
  'bound-arguments.ts': `
mail: Tea was ordered
Urgent text message: Tea was ordered
`,
  'out-of-order.ts': `
arrives: harbour
arrives: warehouse
1: warehouse
2: harbour
arrives: doorstep
arrives: train
3: train
4: doorstep
`,
  'runaway-recursion.ts': `
answerPong: publish of "ping" is refused: 8 publishes are nested, ping → pong → ping
Stopped after 8 calls
`,
  'error-isolation.ts': `
Inventory: Book reserved
sendMail failed on order_placed: mail server is down
Analytics: Book counted
4 handlers called
callCourier failed on order_placed: courier does not answer
`,
  'delivered-by-a-bus.ts': `
Again soon: no box is large enough
Packed: Book of B
Courier called for B, depth 1
Packed: Lamp of A
Courier called for A, depth 1
Packed: Mug of A
Courier called for A, depth 1
Counted: Lamp, Mug, Book
`,
  'durable-in-one-file.ts': `
booked A, 1 in the ledger
two copies of B are in the file
booked B, 2 in the ledger
`,
  'dead-letter-replay.ts': `
Parked for shop.customs: permanent-error
Insured: parcel 1
shop.parcel.sent: there is no Utopia
Customs: parcel 1 to Iceland
0 dead letters left
`,
  'weak-handler.ts': `
Widget shows 1
1 handler called
0 handlers called
`,
}

test.for(Object.entries(outputs))('%s prints what it promises', async ([file, output]) => {
  const flags = ['--expose-gc', '--conditions=@tidings/source', file]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, flags, { cwd: folder })
  expect(stderr).toBe('')
  expect(stdout.replaceAll(/ +$/gm, '')).toBe(output.slice(1))
})

test('every example has its output here', () => {
  expect(Object.keys(outputs).toSorted()).toEqual(
    readdirSync(folder)
      .filter((file) => file.endsWith('.ts'))
      .toSorted(),
  )
})
