import { invalidArgument } from '@tidings/core/tools'

/** Kafka takes no longer name of a topic. */
const longestName = 249

/**
 * What everything of ours is called on the broker: by prefixes alone, the kind before the name, so that no group's name
 * can be another's topic.
 */
export class Names {
  readonly prefix: string
  /** The topic of all events that no other is configured for. */
  readonly events: string
  /** What each group asks for: compacted, so that all members of a group know it. */
  readonly bindings: string
  /** What is for groups that live as long as a connection: replies. */
  readonly temporary: string
  /** The consumer group of all connections, which moves what has waited on. */
  readonly delays: string

  /** @throws TidingsError `INVALID_ARGUMENT` */
  constructor(prefix: string) {
    if (typeof prefix !== 'string' || !/^[\w-]{1,30}$/.test(prefix)) {
      // With a dot in it, a group of one prefix could have the name of another one's topic.
      throw invalidArgument('prefix', 'up to 30 letters, digits, `_` and `-`', prefix, "Such as 'tidings'.")
    }
    this.prefix = prefix
    this.events = `${prefix}.events`
    this.bindings = `${prefix}.bindings`
    this.temporary = `${prefix}.temporary`
    this.delays = `${prefix}.delays`
  }

  /** The topic for events of some types, by its short name. */
  topic(name: string): string {
    return `${this.prefix}.events.${name}`
  }

  /** The topic of what is sent to one group; the consumer group has the same name. */
  group(group: string): string {
    return this.#checked(`${this.prefix}.group.${group}`)
  }

  /** The topic of the dead letters of a group. */
  dead(group: string): string {
    return this.#checked(`${this.prefix}.dead.${group}`)
  }

  /** The topic in which a message waits so many milliseconds. */
  delay(wait: number): string {
    return `${this.prefix}.delay.${wait}`
  }

  /** The group that a topic or a consumer group is of; undefined for any other. */
  groupOf(name: string): string | undefined {
    const before = `${this.prefix}.group.`
    return name.startsWith(before) ? name.slice(before.length) : undefined
  }

  #checked(name: string): string {
    if (name.length <= longestName) return name
    throw invalidArgument('group', `a name of at most ${longestName - this.prefix.length - 7} characters`, name)
  }
}
