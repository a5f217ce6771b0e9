import { invalidArgument } from '@tidings/core/tools'

/** AMQP has one byte for the length of a name, and of a routing key. */
export const longestName = 255

/**
 * What everything of ours is called on the broker: by prefixes alone, the kind before the name, so that no group's name
 * can be another's queue.
 */
export class Names {
  readonly prefix: string
  /** The topic exchange that all events go through; the routing key is the event type. */
  readonly events: string
  /** The direct exchange for what is sent to one group; the routing key is its name. */
  readonly groups: string
  /** The queue of what has waited on a rung of the ladder. */
  readonly due: string

  /** @throws TidingsError `INVALID_ARGUMENT` */
  constructor(prefix: string) {
    if (typeof prefix !== 'string' || !/^[\w-]{1,30}$/.test(prefix)) {
      // With a dot in it, a group of one prefix could have the name of another one's queue.
      throw invalidArgument('prefix', 'up to 30 letters, digits, `_` and `-`', prefix, "Such as 'tidings'.")
    }
    this.prefix = prefix
    this.events = `${prefix}.events`
    this.groups = `${prefix}.groups`
    this.due = `${prefix}.due`
  }

  /** The queue of a group; of one with several partitions, the exchange before them. */
  group(group: string): string {
    return `${this.prefix}.group.${group}`
  }

  partition(group: string, number: number): string {
    return `${this.prefix}.partition.${number}.${group}`
  }

  /** What plain clients published without a bucket goes through here, to the first partition. */
  plain(group: string): string {
    return `${this.prefix}.plain.${group}`
  }

  /** The exchange by which the members of a group with several partitions hear of each other. */
  members(group: string): string {
    return `${this.prefix}.members.${group}`
  }

  /** The queue of one member for that. */
  member(id: string): string {
    return `${this.prefix}.member.${id}`
  }

  /** The queue of the dead letters of a group. */
  dead(group: string): string {
    return `${this.prefix}.dead.${group}`
  }

  /** The queue of a temporary group, on one connection. */
  temporary(id: string, group: string): string {
    return `${this.prefix}.temporary.${id}.${group}`
  }

  /** The queue in which a message waits so many milliseconds. */
  delay(wait: number): string {
    return `${this.prefix}.delay.${wait}`
  }
}
