import type { EventEmitter } from 'node:events'

/** A signal that asks a process to stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM'

/** Watches for being told to stop. */
export interface SignalWatch {
  /** Aborts with the first signal. */
  readonly signal: AbortSignal
  /** The first signal. */
  readonly received: StopSignal | undefined
  /** From now on signals do what they do by default. */
  stop(): void
}

/**
 * The first SIGINT or SIGTERM asks for an orderly stop and is told to `onStop`. The second one ends the process at once,
 * by its default action: an exit would wait for a read that hangs.
 */
export function watchSignals(
  io: { readonly signals: Pick<EventEmitter, 'on' | 'off'>; readonly raise: (signal: StopSignal) => void },
  onStop: () => void,
): SignalWatch {
  const controller = new AbortController()
  let received: StopSignal | undefined
  const listener = (signal: StopSignal): void => {
    if (received !== undefined) {
      stop()
      io.raise(signal)
      return
    }
    received = signal
    controller.abort()
    onStop()
  }
  const stop = (): void => {
    io.signals.off('SIGINT', listener)
    io.signals.off('SIGTERM', listener)
  }
  io.signals.on('SIGINT', listener)
  io.signals.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    get received() {
      return received
    },
    stop,
  }
}
