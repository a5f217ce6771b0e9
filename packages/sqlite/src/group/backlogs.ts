import type { Backlog, Group as GroupFacts } from '@tidings/bus/transport'
import { type GroupRecord, typesOf, wants } from '../file/catalog.ts'
import type { SharedFile } from '../file/shared-file.ts'

/** What a group has before it, in all processes. Counted when it is asked: nothing of it is kept. */
export function backlogOf(file: SharedFile, group: GroupRecord): Backlog {
  const { statements } = file
  const now = file.now()
  let unsettled = 0
  let handedOut = 0
  /** The position of the oldest. */
  let first = Infinity
  for (const row of statements.all(
    'SELECT lane_from, lane_to, high, handed_out, open FROM tidings_cursors WHERE group_id = ?',
    group.id,
  )) {
    const [from, to, high, out, open] = row as readonly [number, number, number, number, string]
    handedOut += out
    for (const position of JSON.parse(open) as number[]) {
      const lane = statements.number('SELECT lane FROM tidings_log WHERE position = ?', position)
      if (lane < from || lane >= to) continue
      unsettled++
      first = Math.min(first, position)
    }
    for (const each of statements.all(
      `SELECT type, audience, count(*), max(position), min(position) FROM tidings_log
        WHERE position > ? AND lane >= ? AND lane < ? AND (audience IS NULL OR audience = ?) GROUP BY type, audience`,
      high,
      from,
      to,
      group.id,
    )) {
      const [type, audience, count, last, least] = each as readonly [string, number | null, number, number, number]
      if (audience === null && !wants(group, type, last)) continue
      unsettled += count
      first = Math.min(first, least)
    }
  }
  const [heldDue, retrying, retryAt, heldOut, heldFirst] = statements.get(
    `SELECT count(*) FILTER (WHERE due IS NULL OR due <= ?), count(*) FILTER (WHERE due > ?),
        min(due) FILTER (WHERE due > ?), count(*) FILTER (WHERE claimed = 1), min(position)
      FROM tidings_held WHERE group_id = ?`,
    now,
    now,
    now,
    group.id,
  ) as readonly [number, number, number | null, number, number | null]
  handedOut += heldOut
  first = Math.min(first, heldFirst ?? Infinity)
  return {
    waiting: Math.max(0, unsettled + heldDue - handedOut),
    handedOut,
    delayed: delayedOf(file, group),
    retrying,
    retryAt: retryAt ?? undefined,
    oldest: first === Infinity ? undefined : statements.number('SELECT at FROM tidings_log WHERE position = ?', first),
    full: false,
  }
}

function delayedOf({ statements, log }: SharedFile, group: GroupRecord): number {
  let sum = 0
  for (const row of statements.all('SELECT type, audience, count(*) FROM tidings_delayed GROUP BY type, audience')) {
    const [type, audience, count] = row as readonly [string, number | null, number]
    if (audience === null ? wants(group, type, log.head + 1) : audience === group.id) sum += count
  }
  return sum
}

/** All groups of the file. */
export function groupsOf(file: SharedFile): readonly GroupFacts[] {
  return file.catalog.all.map((group) => ({
    group: group.name,
    types: typesOf(group),
    members: file.statements.number('SELECT total(count) FROM tidings_members WHERE group_id = ?', group.id),
    ordered: group.ordered,
    temporary: group.node !== undefined,
    ...backlogOf(file, group),
  }))
}
