import type { Transport } from '@tidings/bus'
import type { ChildKit, ChildProgram } from './spawn-child.ts'

/** A function of a module, and what it is called with. */
export interface NamedFunction {
  readonly module: string
  readonly name: string
  readonly options: unknown
}

/** What a child process is told; `start` first. */
export type ToChild =
  | { readonly start: NamedFunction; readonly transport: NamedFunction | undefined }
  | { readonly stop: true }

/** What a child process tells. */
export type FromChild = { readonly begun: true } | { readonly report: unknown }

const stopped = new AbortController()
let running: unknown

// A child does not outlive its parent.
process.on('disconnect', () => process.exit(1))
process.on('message', (message: ToChild) => {
  if ('start' in message) void start(message.start, message.transport)
  else void stop()
})

async function start(program: NamedFunction, transport: NamedFunction | undefined): Promise<void> {
  const makeTransport = transport && (await load<(options: unknown) => Transport>(transport))
  const run = await load<ChildProgram>(program)
  const kit: ChildKit = {
    transport: () => {
      if (makeTransport === undefined) throw new Error('spawnChild was given no `transport`')
      return makeTransport(transport?.options)
    },
    options: program.options,
    report: (report) => tell({ report }),
    signal: stopped.signal,
  }
  running = await run(kit)
  tell({ begun: true })
}

async function stop(): Promise<void> {
  stopped.abort()
  const { [Symbol.asyncDispose]: dispose } = Object(running) as Partial<AsyncDisposable>
  await dispose?.call(running as AsyncDisposable)
  process.exit(0)
}

async function load<F>({ module, name }: NamedFunction): Promise<F> {
  const found = ((await import(module)) as Record<string, unknown>)[name]
  if (typeof found !== 'function') throw new Error(`${module} exports no function ${name}`)
  return found as F
}

function tell(message: FromChild): void {
  process.send?.(message)
}
