import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { finish, type React } from '../member.ts'
import { idOf } from '../message.ts'

/** One group, worked on by several. */
export const sharingCases: readonly ConformanceCase[] = [
  defineCase(
    'C80',
    'two members of an ordered group share its work: each event once, each key in order, none idle',
    { needs: ['ordering'] },
    async (scene) => {
      const { expect } = scene
      const keys = 24
      const count = scene.size(240, 2400)
      const handled: { readonly key: string; readonly id: string }[] = []
      const shares = [0, 0]
      const lanes = new Map<string, Promise<void>>()
      const working =
        (member: number): React =>
        (delivery) => {
          const key = String(delivery.message.attributes['subject'])
          const lane = `${member} ${key}`
          const work = (lanes.get(lane) ?? Promise.resolve()).then(async () => {
            await pause(2)
            handled.push({ key, id: idOf(delivery.message) })
            shares[member]!++
            await finish(delivery)
          })
          lanes.set(lane, work)
          return work
        }
      const request = { ordered: true, prefetch: 10 }
      for (const member of [0, 1]) await scene.join(await scene.connect(), request, working(member))
      const messages = scene.messages(count, (index) => ({ subject: `key-${index % keys}` }))
      await scene.publishTogether(await scene.connect(), messages)
      await expect.eventually(
        () => handled.length >= count,
        `${count} are handled`,
        () => handled.length,
      )
      await expect.never(
        () => handled.length > count,
        'each is handled once',
        () => handled.length,
      )
      for (let index = 0; index < keys; index++) {
        const key = `key-${index}`
        const wanted = messages.filter(({ attributes }) => attributes['subject'] === key).map(idOf)
        const got = handled.filter((one) => one.key === key).map(({ id }) => wanted.indexOf(id))
        expect.equal(
          got,
          wanted.map((_, place) => place),
          `the order of ${key}`,
        )
      }
      expect.that(
        shares.every((share) => share >= count / 20),
        'no member is idle: each has a twentieth at least',
        shares,
      )
    },
  ),
]
