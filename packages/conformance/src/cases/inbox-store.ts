import type { Inbox } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { ConformanceError } from '../expect.ts'
import type { Scene } from '../scene.ts'
import { alikeMarks, type Mark } from './alike-marks.ts'

/** The store by which groups know what they have handled. */
export const inboxStoreCases: readonly ConformanceCase[] = [
  defineCase(
    'C64',
    'the inbox knows each event of each group by its source and id, through every connection',
    { needs: ['an inbox'] },
    async (scene) => {
      const { expect } = scene
      const inbox = await inboxOf(scene)
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
        for (const reader of [inbox, await inboxOf(scene)]) {
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
    { needs: ['inbox', 'durable', 'broker'] },
    async (scene) => {
      const handled = marks(scene, scene.size(50, 500))
      const inbox = await brokersInbox(scene)
      for (const mark of handled) await inbox.add(mark)
      await scene.kit.broker!.kill()
      await scene.kit.broker!.start()
      const after = await brokersInbox(scene)
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

/** The kit's where it is given, as buses take it; else that of another connection. */
async function inboxOf(scene: Scene): Promise<AskedInbox> {
  const given = scene.kit.bus?.inbox
  return given === undefined ? brokersInbox(scene) : asked(scene, given)
}

async function brokersInbox(scene: Scene): Promise<AskedInbox> {
  const { inbox } = await scene.connect()
  scene.expect.that(inbox !== undefined, 'a transport with `inbox` has one', inbox)
  return asked(scene, inbox!)
}

function asked({ expect }: Scene, inbox: Inbox): AskedInbox {
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
