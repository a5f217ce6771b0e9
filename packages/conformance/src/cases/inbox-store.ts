import type { Inbox } from '@tidings/bus'
import { type Delivery, discarded, handled } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { ConformanceError } from '../expect.ts'
import type { Member, React } from '../member.ts'
import type { Line, Scene } from '../scene.ts'
import { alikeMarks, type Mark } from './alike-marks.ts'

/** The store by which groups know what they have handled. */
export const inboxStoreCases: readonly ConformanceCase[] = [
  defineCase(
    'C64',
    'the inbox knows each event of each group by its source and id, through every connection',
    { needs: ['an inbox', 'copies'] },
    async (scene) => {
      const { expect } = scene
      const open = inboxOf(scene)
      const inbox = await open()
      const pairs = alikeMarks((part) => scene.group(part))
      const first = { group: scene.group(), source: '/first', id: '1' }
      expect.equal(await inbox.has(first), false, `has() of ${shownMark(first)}, which is new`)
      // It may be told the same twice.
      await inbox.add(first)
      await inbox.add(first)
      expect.equal(await inbox.has(first), true, `has() of ${shownMark(first)}, which was added twice`)
      // Not all at once, as an inbox may be bounded.
      for (let start = 0; start < pairs.length; start += 50) {
        const some = pairs.slice(start, start + 50)
        await Promise.all(some.map(async ([marked]) => inbox.add(marked)))
        for (const reader of [inbox, await open()]) {
          await Promise.all(
            some.map(async ([marked, other]) => {
              expect.equal(await reader.has(marked), true, `has() of ${shownMark(marked)}, which was added`)
              const what = `has() of ${shownMark(other)}, where ${shownMark(marked)} was added`
              expect.equal(await reader.has(other), false, what)
            }),
          )
        }
      }
      const many = marks(scene, 100)
      await Promise.all(many.map(async (mark) => inbox.add(mark)))
      const known = await Promise.all(many.map(async (mark) => inbox.has(mark)))
      expect.equal(known.filter(Boolean).length, many.length, 'events that are known of 100 that were added at once')
    },
  ),

  defineCase(
    'C65',
    'what groups have handled survives a broker that is killed right after, as messages do',
    { needs: ['inbox', 'copies', 'durable', 'broker'] },
    async (scene) => {
      const handled = marks(scene, scene.size(50, 500))
      const open = brokersInbox(scene)
      const inbox = await open()
      for (const mark of handled) await inbox.add(mark)
      await scene.kit.broker!.kill()
      await scene.kit.broker!.start()
      const after = await open()
      const known = await Promise.all(handled.map(async (mark) => after.has(mark)))
      scene.expect.equal(known.filter(Boolean).length, handled.length, `events that are known of ${handled.length}`)
      const fresh = { ...handled[0]!, id: 'fresh' }
      scene.expect.equal(await after.has(fresh), false, `has() of ${shownMark(fresh)}, which is new`)
    },
  ),
]

/** An inbox that answers in time, or ends the case. */
interface AskedInbox {
  has(mark: Mark): Promise<boolean>
  add(mark: Mark): Promise<void>
}

/** Opens the kit's where it is given, as buses take it; else that of the broker, each through its own connection. */
function inboxOf(scene: Scene): () => Promise<AskedInbox> {
  const given = scene.kit.bus?.inbox
  return given === undefined ? brokersInbox(scene) : async () => givenInbox(scene, given)
}

/** What is asked by handing out a copy of an event, by its number: another member of the group may be handed it. */
type Questions = Map<string, (delivery: Delivery) => void>

function brokersInbox(scene: Scene): () => Promise<AskedInbox> {
  const questions: Questions = new Map()
  let count = 0
  return async () => askedBroker(scene, await scene.connect(), questions, () => `${++count}`)
}

/** Marks by settling, and asks by having a copy of the event handed out. */
function askedBroker(scene: Scene, connection: Line, questions: Questions, next: () => string): AskedInbox {
  const { expect } = scene
  const groups = new Map<string, { readonly member: Promise<Member>; asked: number }>()
  const react: React = (delivery) => questions.get(String(delivery.message.attributes['question']))?.(delivery)
  const joined = (group: string): { readonly member: Promise<Member>; asked: number } => {
    const request = { group, types: [], prefetch: 200, marks: true }
    const known = groups.get(group) ?? { member: scene.join(connection, request, react), asked: 0 }
    groups.set(group, known)
    return known
  }
  const handedOut = async ({ group, source, id }: Mark): Promise<Delivery> => {
    const mine = joined(group)
    mine.asked++
    const { membership } = await mine.member
    membership.resume()
    const question = next()
    const asked = new Promise<Delivery>((resolve) => questions.set(question, resolve))
    const message = scene.message({ id, attributes: { source, question } })
    await expect.inTime(Promise.resolve(connection.publish({ message, group })), 'publish() resolves')
    const delivery = await expect.inTime(asked, `a copy of ${shownMark({ group, source, id })} arrives`)
    // The next one who asks is to be handed the copy itself.
    if (--mine.asked === 0) membership.pause()
    return delivery
  }
  return {
    async has(mark) {
      const delivery = await handedOut(mark)
      const { handledBefore } = delivery
      await expect.inTime(Promise.resolve(delivery.settle(discarded)), 'settling resolves')
      expect.that(
        typeof handledBefore === 'boolean',
        `\`handledBefore\` of ${shownMark(mark)} is true or false`,
        handledBefore,
      )
      return handledBefore as boolean
    },
    async add(mark) {
      const { source, id } = mark
      const delivery = await handedOut(mark)
      const settled = Promise.resolve(delivery.settle({ ...handled, mark: { source, id } }))
      await expect.inTime(settled, `settling with a mark for ${shownMark(mark)} resolves`)
    },
  }
}

function givenInbox({ expect }: Scene, inbox: Inbox): AskedInbox {
  const ask = async (call: string, mark: Mark, question: () => unknown): Promise<unknown> => {
    const what = `${call}() of ${shownMark(mark)}`
    try {
      return await expect.inTime(Promise.resolve(question()), `${what} is answered`)
    } catch (error) {
      if (!(error instanceof ConformanceError)) expect.that(false, `${what} does not fail`, error)
      throw error
    }
  }
  return {
    async has({ group, ...event }) {
      const mark = { group, ...event }
      const answer = await ask('has', mark, () => inbox.has(event, group))
      expect.that(typeof answer === 'boolean', `has() of ${shownMark(mark)} answers true or false`, answer)
      return answer as boolean
    },
    async add({ group, ...event }) {
      await ask('add', { group, ...event }, () => inbox.add(event, group))
    },
  }
}

/** Events of one group that have nothing special. */
function marks(scene: Scene, count: number): Mark[] {
  return Array.from({ length: count }, (_, index) => ({ group: scene.group('many'), source: '/many', id: `${index}` }))
}

function shownMark({ group, source, id }: Mark): string {
  return `${JSON.stringify({ source, id })} of group ${group}`
}
