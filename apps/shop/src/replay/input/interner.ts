/**
 * Gives each distinct text of a column one value, made once: what depends on the text alone is worked out once and not
 * for each row, equal texts become one string in memory, and the string is a copy of its own (a slice of a chunk would
 * keep the chunk).
 */
export class Interner<Form extends string | null, Value extends object> {
  readonly #parse: (text: string) => Form | undefined
  readonly #make: (form: Form, id: number) => Value
  readonly #byText = new Map<string, Value>()
  readonly #byForm = new Map<string | null, Value>()
  #lastText: string | undefined
  #lastValue: Value | undefined

  /**
   * `parse` gives the form that is kept, so that two spellings of it share one value, or undefined where the text is
   * malformed. `make` is called once for each form; `id` counts them from 0.
   */
  constructor(parse: (text: string) => Form | undefined, make: (form: Form, id: number) => Value) {
    this.#parse = parse
    this.#make = make
  }

  /** The value of a text; undefined where it is malformed. */
  of(text: string): Value | undefined {
    // Rows of one invoice follow each other: most columns say the same as in the row before.
    if (text === this.#lastText) return this.#lastValue
    let value = this.#byText.get(text)
    if (value === undefined) {
      value = this.#added(text)
      if (value === undefined) return undefined
    }
    this.#lastText = text
    this.#lastValue = value
    return value
  }

  #added(text: string): Value | undefined {
    const form = this.#parse(text)
    if (form === undefined) return undefined
    const kept = copied(form)
    let value = this.#byForm.get(kept)
    if (value === undefined) {
      value = this.#make(kept, this.#byForm.size)
      this.#byForm.set(kept, value)
    }
    this.#byText.set(kept === text ? kept : copied(text), value)
    return value
  }
}

function copied<Form extends string | null>(text: Form): Form {
  return (text === null ? null : Buffer.from(text).toString()) as Form
}
