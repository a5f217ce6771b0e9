import { invalidArgument } from '@tidings/core/tools'
import { uuidv7 } from '@tidings/events'

const longestName = 200

/**
 * The whole name of a group: of `/shop` and `billing` it is `shop.billing`. It has only what every broker allows: in the
 * source `/` becomes `.`, and other characters their code between `_`. No two sources share a name (but for a `/` at the
 * beginning, which makes no difference), since a group has no `.` of its own.
 */
export function groupName(source: string, group: string): string {
  const name = within(applicationOf(source), group)
  if (name.length <= longestName) return name
  throw invalidArgument(
    'group',
    `at most ${longestName} characters with its source`,
    name,
    'Brokers take no longer names: shorten it.',
  )
}

/** A name for the replies to one bus, of which no other has it, however long the source is. */
export function replyGroupName(source: string): string {
  const group = `replies-${uuidv7()}`
  return within(applicationOf(source).slice(0, longestName - group.length - 1), group)
}

function applicationOf(source: string): string {
  return source
    .replace(/^\//, '')
    .replace(/[^A-Za-z\d-]/gu, (character) => (character === '/' ? '.' : `_${character.codePointAt(0)!.toString(16)}_`))
}

function within(application: string, group: string): string {
  return application === '' ? group : `${application}.${group}`
}
