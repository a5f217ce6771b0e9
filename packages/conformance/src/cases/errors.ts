import { handled } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { type ConformanceCase, defineCase } from '../case.ts'
import { hold } from '../member.ts'

/** What callers are told when something breaks. */
export const errorCases: readonly ConformanceCase[] = [
  defineCase(
    'C83',
    'whatever breaks, a caller sees an error of ours or the reason of its signal, and never one of a driver',
    { needs: ['network'] },
    async (scene) => {
      const { expect } = scene
      const reason = new Error('the caller gave up')
      const foreign: unknown[] = []
      const note = (call: string, work: () => unknown): Promise<void> =>
        expect.inTime(
          (async () => {
            try {
              await work()
            } catch (error) {
              if (!isTidingsError(error) && error !== reason) foreign.push([call, String(error)])
            }
          })(),
          `${call} ends`,
          3 * scene.kit.within,
        )
      for (const fault of ['cut', 'blackHole'] as const) {
        const connection = await scene.connect()
        const group = scene.group(fault)
        const member = await scene.join(connection, { group, prefetch: 3 }, hold)
        await scene.publish(connection, scene.messages(3))
        await scene.delivered(member, 3)
        const gaveUp = new AbortController()
        const { signal } = gaveUp
        await scene.kit.network![fault]()
        const [first, second, third] = member.deliveries
        const calls = [
          note('settle()', () => first!.settle(handled)),
          note('settle() with an effect', () =>
            second!.settle({ ...handled, effects: [{ message: scene.message() }] }),
          ),
          note('settle() for later', () => third!.settle({ as: 'later', due: 0, headers: {}, inPlace: false })),
          note('publish()', () => connection.publish({ message: scene.message() }, { signal })),
          note('publish() for one group', () => connection.publish({ message: scene.message(), group }, { signal })),
          note('subscribe()', async () => {
            const request = {
              group: scene.group('late'),
              types: [],
              prefetch: 1,
              ordered: false,
              marks: false,
            } as const
            await connection.subscribe({ ...request, from: 'latest', temporary: false }, () => {}, signal)
          }),
          note('backlog()', () => member.membership.backlog()),
          note('list() of groups', () => connection.groups?.list()),
          note('list() of dead letters', () => connection.deadLetters?.list({ limit: 1 })),
          note('cancel()', () => connection.cancel?.('none')),
        ]
        await expect.never(
          () => foreign.length > 0,
          'no error of a driver',
          () => foreign,
        )
        gaveUp.abort(reason)
        await expect.never(
          () => foreign.length > 0,
          'no error of a driver behind the signal',
          () => foreign,
        )
        await expect.inTime(connection.close(), 'close() resolves')
        await Promise.all(calls)
        await scene.kit.network!.restore()
        await note('publish() of a closed connection', () => connection.publish({ message: scene.message() }))
        await note('subscribe() of a closed connection', () => scene.join(connection))
        expect.equal(foreign, [], `errors of a driver after ${fault}`)
      }
    },
  ),
]
