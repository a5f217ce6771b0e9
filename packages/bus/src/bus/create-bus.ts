import { milliseconds } from '@tidings/core'
import { whole } from '@tidings/core/tools'
import { systemClock } from '../clock.ts'
import { checkOptions } from './check-options.ts'
import { consoleLog } from './console-log.ts'
import { RunningBus } from './running-bus.ts'
import type { BusOptions } from './options.ts'
import { silentLog } from './safe-log.ts'
import { checkCapabilities } from './start-up.ts'
import type { Bus } from './types.ts'

/**
 * Connects to a transport and binds the handlers; resolves when every group gets what is published from then on.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', handlers: [billing], transport: memory() })
 * await bus.publish(OrderPlaced, { orderId, item: 'Book', quantity: 1 })
 *
 * @throws CapabilityMissingError when a handler asks for what the transport cannot do
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense, or two handlers of one group for one event
 */
export async function createBus(options: BusOptions): Promise<Bus> {
  checkOptions(options)
  const { source, transport, handlers = [], clock = systemClock } = options
  checkCapabilities(options, handlers)
  const bus = new RunningBus({
    source,
    transport,
    clock,
    random: options.random ?? Math.random,
    log: options.log === false ? silentLog : (options.log ?? consoleLog(clock)),
    observers: options.observer === undefined ? [] : [options.observer].flat(),
    middleware: options.middleware ?? [],
    inbox: options.inbox,
    deadLetters: options.deadLetters,
    definitions: options.definitions ?? [],
    carry: options.carry ?? [],
    asyncContext: options.asyncContext ?? false,
    maxDepth: whole(options.maxDepth ?? 64, 1, 'maxDepth', true),
    connectTimeout: milliseconds(options.connectTimeout ?? '30s', 'connectTimeout'),
    publishTimeout: milliseconds(options.publishTimeout ?? '30s', 'publishTimeout'),
    stalledAfter: milliseconds(options.stalledAfter ?? '2m', 'stalledAfter'),
  })
  await bus.start(handlers)
  return bus
}
