import type { Chance } from '../chance.ts'

/** Repetitions that a pattern leaves open. */
const openRepeat = 5
const printable: readonly [number, number] = [0x20, 0x7e]
const classes: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  d: [[48, 57]],
  w: [
    [97, 122],
    [48, 57],
    [65, 90],
  ],
  s: [[32, 32]],
}

/**
 * A text that a regular expression matches, if it is made of characters, classes, groups, alternatives and repetitions;
 * undefined for one that uses more, or that the text made for it does not match after all.
 */
export function sampleOfPattern(pattern: RegExp, by: Chance): string | undefined {
  for (let attempt = 0; attempt < 20; attempt++) {
    const reader = new PatternReader(pattern.source, by)
    const text = reader.read()
    if (text === undefined) return undefined
    if (new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(text)) return text
  }
  return undefined
}

class Unreadable extends Error {}

type Ranges = readonly (readonly [number, number])[]
/** What a part of a pattern makes. */
type Maker = () => string

/** Reads a pattern from left to right, once, into functions that make texts. */
class PatternReader {
  readonly #source: string
  readonly #by: Chance
  #at = 0

  constructor(source: string, by: Chance) {
    this.#source = source
    this.#by = by
  }

  read(): string | undefined {
    try {
      const make = this.#alternatives()
      return this.#at === this.#source.length ? make() : undefined
    } catch (error) {
      if (error instanceof Unreadable) return undefined
      throw error
    }
  }

  #alternatives(): Maker {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    return () => this.#by.pick(options)!()
  }

  #sequence(): Maker {
    const makers: Maker[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      const one = this.#one()
      makers.push(this.#repeated(one))
    }
    return () => makers.map((make) => make()).join('')
  }

  #one(): Maker {
    const character = this.#source[this.#at++]!
    if (character === '^' || character === '$') return () => ''
    if (character === '(') return this.#group()
    if (character === '[') return this.#class()
    if (character === '.') return () => this.#from([printable])
    if (character === '\\') return this.#escape()
    return () => character
  }

  #group(): Maker {
    if (this.#take('?')) {
      if (this.#take('<')) {
        const name = /^[A-Za-z]\w*>/.exec(this.#source.slice(this.#at))
        if (name === null) throw new Unreadable()
        this.#at += name[0].length
      } else if (!this.#take(':')) throw new Unreadable()
    }
    const make = this.#alternatives()
    if (!this.#take(')')) throw new Unreadable()
    return make
  }

  #escape(): Maker {
    const letter = this.#source[this.#at]!
    if (letter === 'b' || letter === 'B') {
      this.#at++
      return () => ''
    }
    const ranges = this.#escaped()
    return () => this.#from(ranges)
  }

  /** Behind a backslash, in a class or outside. */
  #escaped(): Ranges {
    const letter = this.#source[this.#at++]!
    const known = classes[letter]
    if (known !== undefined) return known
    if ('DWS'.includes(letter)) return complement(classes[letter.toLowerCase()]!)
    const control = { n: 10, r: 13, t: 9 }[letter]
    if (control !== undefined) return [[control, control]]
    if (/[\dkpPux]/.test(letter)) throw new Unreadable()
    return [[letter.charCodeAt(0), letter.charCodeAt(0)]]
  }

  #class(): Maker {
    const negated = this.#take('^')
    const ranges: (readonly [number, number])[] = []
    while (!this.#take(']')) {
      const first = this.#member()
      const [only] = first
      if (this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']' && first.length === 1 && only) {
        this.#at++
        const last = this.#member()
        ranges.push([only[0], last[0]![1]])
      } else ranges.push(...first)
    }
    const chosen = negated ? complement(ranges) : ranges
    return () => this.#from(chosen)
  }

  #member(): Ranges {
    const character = this.#source[this.#at++]
    if (character === undefined) throw new Unreadable()
    if (character === '\\') return this.#escaped()
    return [[character.charCodeAt(0), character.charCodeAt(0)]]
  }

  #repeated(make: Maker): Maker {
    const bounds = this.#bounds()
    if (bounds === undefined) return make
    this.#take('?')
    const [least, most] = bounds
    return () => Array.from({ length: this.#by.whole(least, most ?? least + openRepeat) }, make).join('')
  }

  #bounds(): readonly [number, number | undefined] | undefined {
    if (this.#take('*')) return [0, undefined]
    if (this.#take('+')) return [1, undefined]
    if (this.#take('?')) return [0, 1]
    const braces = /^\{(\d+)(,?)(\d*)\}/.exec(this.#source.slice(this.#at))
    if (braces === null) return undefined
    const [all, least, comma, most] = braces
    this.#at += all.length
    if (comma === '') return [Number(least), Number(least)]
    return [Number(least), most === '' ? undefined : Number(most)]
  }

  #from(ranges: Ranges): string {
    const range = this.#by.pick(ranges)
    if (range === undefined) throw new Unreadable()
    return String.fromCharCode(this.#by.whole(range[0], range[1]))
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false
    this.#at++
    return true
  }
}

/** The printable characters that are in none of the ranges. */
function complement(ranges: Ranges): Ranges {
  const left: (readonly [number, number])[] = []
  for (let code = printable[0]; code <= printable[1]; code++) {
    if (!ranges.some(([first, last]) => code >= first && code <= last)) left.push([code, code])
  }
  return left
}
