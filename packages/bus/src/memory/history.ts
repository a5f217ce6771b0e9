import type { Message } from '../message/message.ts'

/** The last messages, as many as it may keep. */
export class History {
  readonly #most: number
  readonly #messages: Message[] = []
  /** Where the oldest one is, once it is full. */
  #oldest = 0

  constructor(most: number) {
    this.#most = most
  }

  add(message: Message): void {
    if (this.#messages.length < this.#most) {
      this.#messages.push(message)
    } else if (this.#most > 0) {
      this.#messages[this.#oldest] = message
      this.#oldest = (this.#oldest + 1) % this.#most
    }
  }

  /** Oldest first. */
  all(): Message[] {
    return [...this.#messages.slice(this.#oldest), ...this.#messages.slice(0, this.#oldest)]
  }
}
