/** What failed last: who looks for the reason why a bus does not come to rest begins there. */
export class LastFailure {
  #what: string | undefined
  #error: unknown

  /** The first to name an error knows best where it comes from. */
  note(what: string, error: unknown): void {
    if (this.#what !== undefined && this.#error === error) return
    this.#what = what
    this.#error = error
  }

  get inWords(): string | undefined {
    return this.#what === undefined ? undefined : `${this.#what}, by ${errorInWords(this.#error)}`
  }
}

/** On one line, whatever was thrown. */
function errorInWords(error: unknown): string {
  if (error instanceof Error) return `${error.name}: ${error.message.split('\n', 1)[0]}`
  return typeof error === 'string' ? error : `something of type ${typeof error}`
}
