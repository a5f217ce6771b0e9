import { functionOption, invalidArgument, knownOptions } from '@tidings/core/tools'
import type { Observer } from '../observer.ts'
import type { BusOptions } from './options.ts'

const optionNames = [
  'source',
  'transport',
  'handlers',
  'definitions',
  'inbox',
  'deadLetters',
  'middleware',
  'observer',
  'log',
  'carry',
  'asyncContext',
  'maxDepth',
  'connectTimeout',
  'publishTimeout',
  'stalledAfter',
  'clock',
  'random',
]

const hooks = Object.keys({
  published: 0,
  unroutable: 0,
  handled: 0,
  failed: 0,
  duplicate: 0,
  expired: 0,
  deadLettered: 0,
  discarded: 0,
  connection: 0,
} satisfies Record<keyof Observer, 0>)

/** Throws `INVALID_ARGUMENT` for options of `createBus` that cannot be meant: at the start, rather than at the first event. */
export function checkOptions(options: BusOptions): void {
  knownOptions(options, optionNames, 'createBus')
  const { source, transport, inbox, deadLetters, log, clock, random, observer } = options
  checkSource(source)
  checkTransport(transport, 'transport')
  if (inbox !== undefined)
    methods(
      inbox,
      ['has', 'add'],
      'inbox',
      'An inbox has has(event, group) and add(event, group): memoryInbox() is one.',
    )
  if (deadLetters !== undefined) methods(deadLetters, ['add', 'get', 'list', 'remove', 'firstOfKey'], 'deadLetters')
  if (log !== undefined && log !== false) checkLog(log)
  if (clock !== undefined) methods(clock, ['now', 'after'], 'clock')
  if (random !== undefined) functionOption(random, 'random')
  for (const each of list(options.carry, 'carry')) {
    if (typeof each === 'string' && each !== '') continue
    throw invalidArgument('carry', 'names of extensions', each, "Texts such as 'traceparent'.")
  }
  const { asyncContext = false } = options
  if (typeof asyncContext !== 'boolean')
    throw invalidArgument('asyncContext', 'true or false', asyncContext, 'Leave it out for false.')
  if (Array.isArray(observer)) {
    for (const [i, each] of observer.entries()) maybeMethods(each, hooks, `observer[${i}]`)
  } else if (observer !== undefined) maybeMethods(observer, hooks, 'observer')
  for (const each of list(options.middleware, 'middleware')) checkMiddleware(each)
  for (const each of list(options.definitions, 'definitions')) checkDefinition(each)
  for (const each of list(options.handlers, 'handlers')) checkHandler(each)
}

/** Throws `INVALID_ARGUMENT` for what cannot stand in the events, and before the names of groups. */
export function checkSource(source: unknown): void {
  if (typeof source === 'string' && source !== '' && !/\s/.test(source)) return
  throw invalidArgument('source', 'a URI-reference without spaces', source, "The application's name, such as '/shop'.")
}

/** Throws `INVALID_ARGUMENT` for what is no transport. */
export function checkTransport(transport: unknown, option: string): void {
  methods(transport, ['connect'], option)
  const { name, capabilities } = transport as Record<string, unknown>
  const fix = 'A transport is what memory() and the adapters give.'
  if (typeof name !== 'string') throw invalidArgument(`${option}.name`, 'a text', name, fix)
  if (!isObject(capabilities)) throw invalidArgument(`${option}.capabilities`, 'an object', capabilities, fix)
}

function checkLog(log: unknown): void {
  methods(
    log,
    ['debug', 'info', 'warn', 'error'],
    'log',
    'Pass false for no log at all, or leave it out for the console.',
  )
  // Whoever has no types would lose every fact.
  const factsFirst = ['bindings', 'addSerializers'].find((name) => typeof facts(log)[name] === 'function')
  if (factsFirst === undefined) return
  const fix = 'This logger takes the facts first: pass pinoLog(logger).'
  throw invalidArgument('log', `without \`${factsFirst}\``, log, fix)
}

function checkMiddleware(each: unknown): void {
  maybeMethods(each, ['publish', 'receive'], 'middleware')
  const { name } = each as Record<string, unknown>
  if (typeof name === 'string') return
  throw invalidArgument('middleware.name', 'a text', name, 'It stands in describe() and in errors.')
}

function checkDefinition(each: unknown): void {
  const { type, create, parse } = facts(each)
  if (typeof type === 'string' && typeof create === 'function' && typeof parse === 'function') return
  throw invalidArgument('definitions', 'event definitions', each, 'Make one with defineEvent.')
}

function checkHandler(each: unknown): void {
  const { group, types, definitions, policy, handle } = facts(each)
  const isMade =
    typeof group === 'string' &&
    [types, definitions].every((all) => Array.isArray(all)) &&
    isObject(policy) &&
    typeof handle === 'function'
  if (isMade) return
  throw invalidArgument('handlers', 'made by handler(…)', each, 'Wrap the function: handler(OrderPlaced, fn).')
}

function list(value: unknown, option: string): readonly unknown[] {
  if (value === undefined) return []
  // As they are, holes and all.
  if (Array.isArray(value)) return Array.from<unknown>(value)
  throw invalidArgument(option, 'an array', value, 'Put them between brackets.')
}

/** An object with these functions. */
function methods(value: unknown, names: readonly string[], option: string, fix?: string): void {
  const given = object(value, option)
  for (const name of names) {
    if (typeof given[name] !== 'function')
      throw invalidArgument(
        `${option}.${name}`,
        'a function',
        given[name],
        fix ?? `Pass an object with ${names.join(', ')}.`,
      )
  }
}

/** An object with these functions, each of which may be left out. */
function maybeMethods(value: unknown, names: readonly string[], option: string): void {
  const given = object(value, option)
  for (const name of names) if (given[name] !== undefined) functionOption(given[name], `${option}.${name}`)
}

function object(value: unknown, option: string): Record<string, unknown> {
  if (isObject(value)) return value
  throw invalidArgument(option, 'an object', value, 'Leave it out for the default, where there is one.')
}

/** The properties of whatever it is. */
function facts(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
}
