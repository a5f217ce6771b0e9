// What a user of decorators relies on in plain ECMAScript: the function form.
import { EventDispatcher } from '@tidings/core'
import { compose, on, partial, register, retry, timeout, unwrap } from '@tidings/decorators'

let attempts = 0
async function sendMail(order) {
  attempts++
  if (attempts < 3) throw new Error('try again')
  return order.item
}
const steady = retry({ attempts: 3, delay: 1 })(sendMail)
check((await steady({ item: 'Book' })) === 'Book' && attempts === 3, 'the third attempt succeeds')
check(steady.name === 'sendMail' && unwrap(steady) === sendMail, 'a wrapped handler is known by its name')
check((await compose(retry({ attempts: 2, delay: 1 }), timeout('1s'))(sendMail)({ item: 'Pen' })) === 'Pen', 'compose')
check(partial((greeting, name) => `${greeting} ${name}`, 'Hello')('you') === 'Hello you', 'partial')
check(typeof on === 'function' && typeof register === 'function', 'the entry exports `on` and `register`')
check(new EventDispatcher().size === 0, 'it shares core with its user')

function check(holds, what) {
  if (!holds) throw new Error(`decorators: ${what}`)
}
