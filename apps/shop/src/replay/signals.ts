import type { EventEmitter } from 'node:events'
import { exitCodes } from './usage.ts'

type StopSignal = 'SIGINT' | 'SIGTERM'

/** Watches for being told to stop. */
export interface SignalWatch {
  /** Aborts with the first signal. */
  readonly signal: AbortSignal
  /** The first signal. */
  readonly received: StopSignal | undefined
  /** From now on signals do what they do by default. */
  stop(): void
}

/** The first SIGINT or SIGTERM asks for an orderly stop, the second one ends at once. */
export function watchSignals(io: {
  readonly signals: Pick<EventEmitter, 'on' | 'off'>
  readonly exit: (code: number) => void
}): SignalWatch {
  const controller = new AbortController()
  let received: StopSignal | undefined
  const listener = (signal: StopSignal): void => {
    if (received !== undefined) io.exit(codeOf(signal))
    received ??= signal
    controller.abort()
  }
  io.signals.on('SIGINT', listener)
  io.signals.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    get received() {
      return received
    },
    stop() {
      io.signals.off('SIGINT', listener)
      io.signals.off('SIGTERM', listener)
    },
  }
}

function codeOf(signal: StopSignal): number {
  return signal === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted
}
