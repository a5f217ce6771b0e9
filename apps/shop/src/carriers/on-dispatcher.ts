import type { RetryPolicy } from '@tidings/bus'
import type { AsyncEventDispatcher } from '@tidings/core'
import { idempotent, retry, type RetryOptions, timeout } from '@tidings/decorators'
import type { TidingsEvent } from '@tidings/events'
import type { Delivery, Events } from '../modules/module.ts'

/** The modules in one process, on a dispatcher: what a bus has as a policy, decorators do here. */
export function onDispatcher(dispatcher: AsyncEventDispatcher): Events {
  return {
    publish(definition, input, options) {
      const event: TidingsEvent = definition.create(input, options)
      return dispatcher.publish(event)
    },
    subscribe: (key: string | { readonly type: string }, handle: Handle, delivery: Delivery = {}) =>
      dispatcher.subscribe(typeof key === 'string' ? key : key.type, decorated(handle, delivery) as never),
  }
}

type Handle = (event: TidingsEvent, type: string) => unknown

/** The innermost first: each attempt has its time, and what succeeds in the end is remembered. */
function decorated(handle: Handle, policy: Delivery): Handle {
  let wrapped = handle
  if (policy.timeout !== undefined) wrapped = timeout(policy.timeout)(wrapped)
  if (policy.retry) wrapped = retry(given(policy.retry))(wrapped)
  if (policy.idempotent) wrapped = idempotent()(wrapped)
  return wrapped
}

/** Decorators take no option that is there and undefined. */
function given(policy: RetryPolicy): RetryOptions {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined))
}
