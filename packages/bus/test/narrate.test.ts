import type { TidingsEvent } from '@tidings/events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { handler, narrate, type NarrateOptions, type Observer, PermanentError } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, type Tested, testedBus } from './support/shop.ts'

/** A story that is written down; ids that chance has made are `…`. */
function story(options: NarrateOptions = {}): { observer: Required<Observer>; lines: () => string[] } {
  const lines: string[] = []
  const observer = narrate({ colour: false, write: (line) => lines.push(line), ...options }) as Required<Observer>
  return { observer, lines: () => lines.map((line) => line.replaceAll(/…[\da-f]{6}/g, '…')) }
}

async function told(
  options: Parameters<typeof testedBus>[0],
  act: (tested: Tested) => Promise<unknown>,
): Promise<string[]> {
  const { observer, lines } = story()
  {
    await using tested = await testedBus({ ...options, observer })
    await act(tested)
    await quiet()
  }
  return lines()
}

describe('a story', () => {
  test('what an event led to stands below it, further in', async () => {
    const lines = await told(
      {
        handlers: [
          handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish }) => {
            await publish(PaymentTaken, { order: data.order })
          }),
          handler(PaymentTaken, { group: 'shipping' }, () => {}),
        ],
      },
      ({ bus }) => bus.publish(OrderPlaced, { order: 1 }, { id: 'order-1-placed-by-web' }),
    )
    expect(lines[0]).toBe('connection connected')
    expect(lines.at(-1)).toBe('connection closed')
    const events = lines.slice(1, -1)
    expect(events[0]).toBe('published shop.order.placed order-1 …by-web')
    // Whether an effect is published before its cause is handled, or with it, is not the story's to say.
    expect(events.slice(1).toSorted()).toEqual([
      '    shop.shipping handled shop.payment.taken … in under 1 ms',
      '  published shop.payment.taken …',
      '  shop.billing handled shop.order.placed order-1 …by-web in under 1 ms',
    ])
  })

  test('a failure says why, and when it is tried again; what is handled then, at which attempt', async () => {
    const billing = handler(
      OrderPlaced,
      { group: 'billing', retry: { delay: 1500, jitter: false } },
      (_event, { attempt }) => {
        if (attempt === 1) throw new RangeError('the bank is busy\nwith a second line')
      },
    )
    const lines = await told({ handlers: [billing] }, async ({ bus, pass }) => {
      await bus.publish(OrderPlaced, { order: 1 }, { id: 'o-1' })
      await pass(2000)
    })
    expect(lines.slice(2, -1)).toEqual([
      '  shop.billing failed at shop.order.placed order-1 o-1, attempt 1: RangeError: the bank is busy; tried again in 1.5 s',
      '  shop.billing handled shop.order.placed order-1 o-1 in under 1 ms, attempt 2',
    ])
  })

  test('what is given up is parked or discarded, with the reason', async () => {
    const lines = await told(
      {
        handlers: [
          handler(OrderPlaced, { group: 'billing' }, () => {
            throw new PermanentError('not for sale')
          }),
          handler(ShelfScanned, { group: 'stock', retry: false, deadLetter: 'discard' }, () => {
            throw new Error('no such shelf')
          }),
        ],
      },
      async ({ bus }) => {
        await bus.publish(OrderPlaced, { order: 1 }, { id: 'o-1' })
        await quiet()
        await bus.publish(ShelfScanned, { shelf: 7 }, { id: 's-7' })
      },
    )
    const [, billingFailed, parked, , stockFailed, discarded] = lines.slice(1)
    expect([billingFailed, parked]).toEqual([
      '  shop.billing failed at shop.order.placed order-1 o-1, attempt 1: PermanentError: not for sale; not tried again',
      '  shop.billing parked shop.order.placed order-1 o-1, permanent-error after 1 attempt: PermanentError: not for sale',
    ])
    expect([stockFailed, discarded]).toEqual([
      '  shop.stock failed at shop.shelf.scanned s-7, attempt 1: no such shelf; not tried again',
      '  shop.stock discarded shop.shelf.scanned s-7, attempts-exhausted: no such shelf',
    ])
  })

  test('a duplicate and an expired event are left out, and what nobody wants is said to be so', async () => {
    const billing = handler(OrderPlaced, { group: 'billing', idempotent: true }, () => {})
    const lines = await told({ handlers: [billing] }, async ({ bus, clock }) => {
      const event = await bus.publish(OrderPlaced, { order: 1 }, { id: 'o-1' })
      await quiet()
      await bus.publish(event)
      await quiet()
      await bus.publish(ShelfScanned, { shelf: 7 }, { id: 's-7' })
      await bus.publish(OrderPlaced, { order: 2 }, { id: 'o-2', delay: '2s', expires: '1s' })
      clock.advance(3000)
    })
    expect(lines).toContain('  shop.billing left out shop.order.placed order-1 o-1, handled before')
    expect(lines).toContain('  no group wants shop.shelf.scanned s-7')
    expect(lines).toContain('  shop.billing left out shop.order.placed order-2 o-2, expired')
  })

  test('data are shown where somebody asks for them, on one line', async () => {
    const silent = await told({}, ({ bus }) => bus.publish(OrderPlaced, { order: 1, item: 'Typewriter' }))
    expect(silent.join('\n')).not.toContain('Typewriter')
    const show = vi.fn(({ data, type }: TidingsEvent) =>
      type === OrderPlaced.type ? JSON.stringify(data, undefined, 2) : undefined,
    )
    const { observer, lines } = story({ show })
    await using tested = await testedBus({ observer })
    await tested.bus.publish(OrderPlaced, { order: 1, item: 'Typewriter' }, { id: 'o-1' })
    await tested.bus.publish(ShelfScanned, { shelf: 7 }, { id: 's-7' })
    expect(lines().filter((line) => line.startsWith('published'))).toEqual([
      'published shop.order.placed order-1 o-1: { "order": 1, "item": "Typewriter" }',
      'published shop.shelf.scanned s-7',
    ])
  })
})

const message = (attributes: Record<string, string | number>) => ({
  attributes,
  contentType: undefined,
  body: undefined,
  headers: {},
})
const scanned = message({ type: 'shop.shelf.scanned', id: 's-7' })

test.for([
  [0, 'under 1 ms'],
  [0.4, 'under 1 ms'],
  [12.4, '12 ms'],
  [999.6, '1 s'],
  [1250, '1.3 s'],
  [59_960, '1 min'],
  [125_000, '2 min 5 s'],
  [3_599_700, '1 h'],
  [12_000_000, '3 h 20 min'],
] as const)('%d milliseconds are %s', ([duration, words]) => {
  const { observer, lines } = story()
  observer.handled({ message: scanned, group: 'g', attempt: 1, duration })
  expect(lines()).toEqual([`  g handled shop.shelf.scanned s-7 in ${words}`])
})

test('an event from elsewhere cannot steer the terminal, or leave the screen', () => {
  const { observer, lines } = story()
  const subject = 'a\u001b[2Jb\r\nconnection closed\u202e'
  observer.duplicate({
    message: message({ type: 'x', subject, id: 'i', causationdepth: '1000000' }),
    group: 'g',
    attempt: 1,
  })
  observer.expired({ message: message({ causationdepth: -5 }), group: 'g', attempt: 1 })
  expect(lines()).toEqual([
    `${'  '.repeat(21)}g left out x a\\u001b[2Jb connection closed\\u202e i, handled before`,
    '  g left out an event of no type no id, expired',
  ])
})

test.for([
  ['a text', 'no answer', 'no answer'],
  ['an object', { code: 1 }, 'object: [object Object]'],
  ['an error that cannot be read', Object.create(null), 'unknown: what was thrown cannot be shown'],
] as const)('what was thrown is named: %s', ([, error, words]) => {
  const { observer, lines } = story()
  observer.connection('reconnecting', error)
  expect(lines()).toEqual([`connection reconnecting: ${words}`])
})

test('a letter that no handler has seen says so', () => {
  const { observer, lines } = story()
  const now = new Date(0).toISOString()
  observer.deadLettered({
    id: 'l',
    group: 'g',
    message: scanned,
    reason: 'key-parked',
    error: undefined,
    parksKey: false,
    attempts: 0,
    firstFailedAt: now,
    lastFailedAt: now,
  })
  expect(lines()).toEqual(['  g parked shop.shelf.scanned s-7, key-parked without an attempt'])
})

describe('colours', () => {
  const terminal = process.stdout.isTTY
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
    process.stdout.isTTY = terminal
  })

  /** Whether a story has colours in this environment, by default or as `options` say. */
  function isColoured(
    environment: Record<string, string | undefined>,
    isTTY: boolean,
    options: NarrateOptions = {},
  ): boolean {
    for (const name of ['FORCE_COLOR', 'NO_COLOR', 'TERM']) vi.stubEnv(name, environment[name])
    process.stdout.isTTY = isTTY
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const lines: string[] = []
    const observer = narrate(options.write ? { ...options, write: (line) => lines.push(line) } : options)
    observer.connection?.('connected')
    return [...lines, ...log.mock.calls.flat()].join('\n') === 'connection \u001b[32mconnected\u001b[39m'
  }
  const write = (): void => {}

  test.for<[string, Record<string, string>, boolean, NarrateOptions, boolean]>([
    ['on a terminal', {}, true, {}, true],
    ['elsewhere', {}, false, {}, false],
    ['on a terminal that can do nothing', { TERM: 'dumb' }, true, {}, false],
    ['with NO_COLOR', { NO_COLOR: '1' }, true, {}, false],
    ['with an empty NO_COLOR', { NO_COLOR: '' }, true, {}, true],
    ['with FORCE_COLOR', { FORCE_COLOR: '' }, false, {}, true],
    ['with FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, {}, false],
    ['with both', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, {}, true],
    ['written elsewhere', {}, true, { write }, false],
    ['written elsewhere with FORCE_COLOR', { FORCE_COLOR: '1' }, false, { write }, true],
    ['asked for', { NO_COLOR: '1' }, false, { write, colour: true }, true],
    ['not asked for', { FORCE_COLOR: '1' }, true, { colour: false }, false],
  ])('%s', ([, environment, isTTY, options, coloured]) => {
    expect(isColoured(environment, isTTY, options)).toBe(coloured)
  })

  test('a runtime without a process, or without a permission to ask it, has none', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    vi.stubGlobal('process', undefined)
    narrate().connection?.('connected')
    vi.stubGlobal('process', {
      get env(): never {
        throw new Error('requires env access')
      },
    })
    narrate().connection?.('closed')
    expect(log.mock.calls.flat()).toEqual(['connection connected', 'connection closed'])
  })
})

test.for<[string, NarrateOptions, string]>([
  ['an option that there is not', { color: true } as NarrateOptions, '`color` is no option of narrate'],
  ['a write', { write: 'log' as never }, '`write` must be a function, received "log"'],
  ['a show', { show: true as never }, '`show` must be a function, received true'],
  ['a colour', { colour: 'red' as never }, '`colour` must be one of false, true, received "red"'],
])('%s that cannot be meant is refused', ([, options, message]) => {
  expect(() => narrate(options)).toThrow(message)
})
