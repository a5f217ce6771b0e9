// Taken when the module is loaded, so that the faked timers of a test do not stop it.
const { setTimeout: later, performance: watch } = globalThis
const immediate: (callback: () => void) => unknown =
  (globalThis as { setImmediate?: (callback: () => void) => unknown }).setImmediate ??
  ((callback) => later(callback, 0))

/** Resolves after that many turns of the event loop: promises have run, and I/O that was ready. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => void immediate(resolve))
}

/** Really waits. */
export function realPause(duration: number): Promise<void> {
  return new Promise((resolve) => void later(resolve, duration))
}

/** Milliseconds of real time, from some beginning. */
export function realNow(): number {
  return watch.now()
}

/**
 * What keeps the process alive (sockets, requests, timers), where the runtime tells; 0 elsewhere. More of it than before
 * means that a handler waits for something real.
 */
export function activeResources(): number {
  return activeKinds().filter((kind) => kind !== 'Immediate').length
}

/** Of these, what may bring something at any time, as old as it is: sockets, child processes, ports of workers. */
export function lastingResources(): number {
  const count = activeKinds().filter((kind) => lastingKinds.has(kind)).length
  return Math.max(0, count - portsOfRunner)
}

const lastingKinds = new Set(['TCPSocketWrap', 'UDPWrap', 'ProcessWrap', 'MessagePort'])

/** A test runner may have its tests in a worker, which has ports to its parent. */
const portsOfRunner = activeKinds().filter((kind) => kind === 'MessagePort').length

function activeKinds(): readonly string[] {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?: () => readonly string[] } }
  return process?.getActiveResourcesInfo?.() ?? []
}
