/** What an inbox is told: that a group has handled an event. */
export interface Mark {
  readonly group: string
  readonly source: string
  readonly id: string
}

/** Two marks that are not the same, though a key that is made of them carelessly is. */
export type Alike = readonly [marked: Mark, other: Mark]

/**
 * Pairs that each take one way to make a key for another. No mark stands in two pairs, so all of them can be marked at
 * once. `name` makes the whole name of a group, of the letters that groups may have.
 */
export function alikeMarks(name: (part: string) => string): readonly Alike[] {
  return [...shifted(name('group')), ...shiftedGroups(name), ...changed(name)]
}

/** What may stand between the parts of a key; the letters of a group's name are among them. */
const separators = ['', ' ', '/', ':', '::', '|', ',', ';', '#', '@', '-', '_', '.'] as const
const groupSeparators = ['', '-', '_', '.'] as const

/** Of one group: the border between source and id is elsewhere, with the group behind, before or between them. */
function shifted(group: string): Alike[] {
  return separators.flatMap((separator, index): Alike[] => {
    const [a, b, c] = [`/a${index}`, `b${index}`, `c${index}`]
    const [front, back] = [`${a}${separator}${b}`, `${b}${separator}${c}`]
    const between = `${separator}${group}${separator}`
    return [
      [
        { group, source: a, id: back },
        { group, source: front, id: c },
      ],
      [
        { group, source: back, id: a },
        { group, source: c, id: front },
      ],
      [
        { group, source: `/d${index}`, id: `e${between}f` },
        { group, source: `/d${index}${between}e`, id: 'f' },
      ],
      [
        { group, source: `e${between}f`, id: `/d${index}` },
        { group, source: 'f', id: `/d${index}${between}e` },
      ],
    ]
  })
}

/** Of two groups: the border between the group and what stands beside it is elsewhere. */
function shiftedGroups(name: (part: string) => string): Alike[] {
  const group = name('group')
  return groupSeparators.flatMap((separator, index): Alike[] => {
    const longer = `${group}${separator}b`
    const before = `b${separator}${group}`
    const rest = `r${index}`
    return [
      [
        { group, source: `b${separator}c`, id: rest },
        { group: longer, source: 'c', id: rest },
      ],
      [
        { group, source: rest, id: `b${separator}c` },
        { group: longer, source: rest, id: 'c' },
      ],
      [
        { group, source: `a${separator}b`, id: rest },
        { group: before, source: 'a', id: rest },
      ],
      [
        { group, source: rest, id: `a${separator}b` },
        { group: before, source: rest, id: 'a' },
      ],
    ]
  })
}

/** Texts that a store may take for each other, by its collation, its columns or its kindness. */
const texts: readonly (readonly [string, string])[] = [
  ['/Shop/Floor', '/shop/floor'],
  ['/café', '/cafe'],
  ['/na\u00efve', '/nai\u0308ve'],
  ['/Ωmega', '/?mega'],
  ['/😀', '/😁'],
  ['/straße', '/strasse'],
  ['/spaced ', '/spaced'],
  [' /space-before', '/space-before'],
  ['/slash/', '/slash'],
  ['/percent%20', '/percent '],
  ['/query?a=b', '/query'],
  ['/fragment#a', '/fragment'],
  ['/like_', '/likes'],
  ['/like%', '/like a lot'],
  [`/${'long'.repeat(49)}end`, `/${'long'.repeat(49)}and`],
  [`/a${'tail'.repeat(49)}`, `/b${'tail'.repeat(49)}`],
  ['10', '010'],
  ['1e3', '1000'],
  ['"quoted"', 'quoted'],
]

function changed(name: (part: string) => string): Alike[] {
  const [group, other] = [name('group'), name('other')]
  const marked = { group, source: '/shop', id: 'id' }
  const long = name('').padEnd(199, 'g')
  return [
    [marked, { ...marked, group: other }],
    [marked, { ...marked, source: '/other' }],
    [marked, { ...marked, id: 'other' }],
    [marked, { ...marked, id: 'ID' }],
    // What every object has.
    [marked, { ...marked, id: 'constructor' }],
    [
      { ...marked, group: name('Capital'), source: '/letters' },
      { ...marked, group: name('capital'), source: '/letters' },
    ],
    [
      { ...marked, group: `${long}a` },
      { ...marked, group: `${long}b` },
    ],
    ...texts.flatMap(([text, like]): Alike[] => [
      [
        { group, source: text, id: 'of-text' },
        { group, source: like, id: 'of-text' },
      ],
      [
        { group, source: '/of-text', id: text },
        { group, source: '/of-text', id: like },
      ],
    ]),
  ]
}
