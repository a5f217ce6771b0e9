import type { ConformanceResult } from '../case.ts'
import { ConformanceError } from '../expect.ts'
import type { StoreKit } from './kit.ts'
import { StoreScene } from './scene.ts'

/** One promise of an event store, and how to find out whether an adapter keeps it. */
export interface StoreCase {
  readonly id: `S${string}`
  /** What holds, as a sentence. */
  readonly title: string
  /** Rejects with `ConformanceError` when the promise is broken; what the store threw is its cause. */
  run(kit: StoreKit): Promise<void>
}

/** Makes a case of a function that acts in a scene of its own: what it opened is closed behind it. */
export function defineStoreCase(
  id: StoreCase['id'],
  title: string,
  act: (scene: StoreScene) => Promise<void>,
): StoreCase {
  return {
    id,
    title,
    async run(kit) {
      const scene = new StoreScene(id, kit)
      try {
        await act(scene)
      } catch (error) {
        throw error instanceof ConformanceError ? error : scene.failure('no call fails that is to succeed', error)
      } finally {
        await scene.close()
      }
    },
  }
}

/** Runs a case and says how it ended; never rejects. */
export async function runStoreCase(entry: StoreCase, kit: StoreKit): Promise<ConformanceResult> {
  const { id, title } = entry
  const begin = Date.now()
  const end = (outcome: ConformanceResult['outcome'], reason?: string, error?: unknown): ConformanceResult => {
    return { id, title, outcome, reason, error, duration: Date.now() - begin }
  }
  try {
    await entry.run(kit)
    return end('passed')
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    return end('failed', line, error)
  }
}
