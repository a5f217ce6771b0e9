import type { SignalContext } from './types.ts'

/** The signal that a call came with: that of the last argument that carries one, as the context of a bus does. */
export function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  return args.findLast(isSignalContext)?.signal
}

/**
 * The arguments with another signal. Where an argument carries one, a copy of it with the other signal takes its
 * place; otherwise `{ signal }` is appended, if the handler declares one argument more than it would get.
 */
export function withSignal(args: readonly unknown[], signal: AbortSignal, declared: number): readonly unknown[] {
  const index = args.findLastIndex(isSignalContext)
  if (index >= 0) return args.with(index, replaced(args[index] as SignalContext, signal))
  return declared === args.length + 1 ? [...args, { signal }] : args
}

function isSignalContext(value: unknown): value is SignalContext {
  return typeof value === 'object' && value !== null && (value as Partial<SignalContext>).signal instanceof AbortSignal
}

/** Plain contexts are copied. An instance of a class may have private parts, so it is looked through instead. */
function replaced(context: SignalContext, signal: AbortSignal): SignalContext {
  const prototype: object | null = Object.getPrototypeOf(context)
  if (prototype === null || prototype === Object.prototype) {
    const own = { ...Object.getOwnPropertyDescriptors(context), signal: { value: signal, enumerable: true } }
    return Object.create(prototype, own)
  }
  return new Proxy(Object.create(prototype) as SignalContext, {
    get: (_, key) => {
      if (key === 'signal') return signal
      const member: unknown = Reflect.get(context, key, context)
      return typeof member === 'function' ? member.bind(context) : member
    },
    has: (_, key) => key in context,
  })
}
