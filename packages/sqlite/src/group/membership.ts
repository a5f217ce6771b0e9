import type { Delivery, GroupRequest, Membership, Message } from '@tidings/bus/transport'
import { patternMatcher, TidingsError } from '@tidings/core'
import { whole } from '@tidings/core/tools'
import { backlogOf } from './backlogs.ts'
import { type GroupRecord, typesOf } from '../file/catalog.ts'
import type { Group } from './group.ts'
import { Member } from './member.ts'
import { removeGroup } from '../nodes/nodes.ts'
import type { SharedFile } from '../file/shared-file.ts'

/** A place in a group. */
export interface Place {
  readonly member: Member
  readonly group: Group
  readonly membership: Membership
  /** Stops, gives back what is unsettled, and leaves. Within a transaction; what it returns follows behind it. */
  end(): () => void
}

/** Finds or makes a group, and lets a member join it. `owner` is what a temporary group lives as long as. */
export async function join(
  file: SharedFile,
  request: GroupRequest,
  deliver: (delivery: Delivery) => void,
  lost: AbortSignal,
  unroutable: (message: Message) => void,
): Promise<Place> {
  whole(request.prefetch, 1, 'prefetch')
  for (const type of request.types) patternMatcher(type)
  let place!: Place
  await file.commit(() => {
    const group = file.group(groupFor(file, request))
    let isIn = true
    const leave = (): void => {
      if (!isIn) return
      isIn = false
      leaves(file, group, member, request.temporary)
    }
    const member = new Member([...request.types], request.prefetch, deliver, lost, unroutable, () => {
      file.commit(leave).catch(() => {})
    })
    group.members.push(member)
    file.undoes(() => group.members.splice(group.members.indexOf(member), 1))
    file.statements.run(
      `INSERT INTO tidings_members (group_id, node, count) VALUES (?, ?, 1)
        ON CONFLICT DO UPDATE SET count = count + 1`,
      group.id,
      file.nodes.id,
    )
    file.catalog.changes()
    group.isTold(true)
    place = {
      member,
      group,
      membership: membershipOf(file, group, member),
      end() {
        const back = group.giveBackAll(member)
        return () => {
          back()
          member.stop()
        }
      },
    }
  })
  return place
}

function membershipOf(file: SharedFile, group: Group, member: Member): Membership {
  return {
    pause: () => {
      member.paused = true
    },
    resume: () => {
      member.paused = false
      group.wake()
    },
    backlog: () => (group.record === undefined ? undefined : backlogOf(file, group.record)),
    stop: async () => member.stop(),
  }
}

/** Its id. */
function groupFor(file: SharedFile, request: GroupRequest): number {
  const { group: name, ordered, types, from, temporary } = request
  const { statements, catalog, log, nodes, cursors } = file
  const found = catalog.named(name)
  if (found !== undefined) {
    check(file, request, found)
    if (found.ordered !== ordered) {
      statements.run('UPDATE tidings_groups SET ordered = ? WHERE id = ?', Number(ordered), found.id)
      file.groups.get(found.id)?.isStale()
    }
    bind(
      file,
      found.id,
      types.filter((type) => !typesOf(found).includes(type)),
      log.head,
    )
    return found.id
  }
  statements.run(
    'INSERT INTO tidings_groups (name, ordered, node) VALUES (?,?,?)',
    name,
    Number(ordered),
    temporary ? nodes.id : null,
  )
  const id = statements.number('SELECT last_insert_rowid()')
  const since = from === 'earliest' ? 0 : log.head
  cursors.make(id, since)
  bind(file, id, types, since)
  return id
}

function bind({ statements }: SharedFile, group: number, types: readonly string[], since: number): void {
  for (const type of types) {
    statements.run(
      'INSERT OR REPLACE INTO tidings_bindings (group_id, type, since, until) VALUES (?,?,?,NULL)',
      group,
      type,
      since,
    )
  }
}

/** A member has settled all that it was handed, and takes no more. */
function leaves(file: SharedFile, group: Group, member: Member, temporary: boolean): void {
  const { statements, nodes, catalog } = file
  group.members.splice(group.members.indexOf(member), 1)
  statements.run('UPDATE tidings_members SET count = count - 1 WHERE group_id = ? AND node = ?', group.id, nodes.id)
  if (group.members.length > 0) return
  statements.run('DELETE FROM tidings_members WHERE group_id = ? AND node = ?', group.id, nodes.id)
  group.leaves()
  file.forget(group)
  if (temporary) removeGroup(statements, group.id)
  catalog.changes()
}

function check(file: SharedFile, { group: name, ordered, temporary }: GroupRequest, group: GroupRecord): void {
  if ((group.node === undefined) === temporary || (temporary && group.node !== file.nodes.id)) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `\`group\` "${name}" is there already, and ${group.node === undefined ? 'not temporary' : 'temporary'}\n` +
        'A temporary group has no members but those of one connection: choose another name.',
    )
  }
  if (group.ordered === ordered) return
  const members = file.statements.number('SELECT total(count) FROM tidings_members WHERE group_id = ?', group.id)
  if (members === 0) return
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `\`ordered\` is ${group.ordered} for the present members of the group "${name}", received ${ordered}\n` +
      'Give all handlers of a group the same `ordering`, or let those go first that are there.',
  )
}
