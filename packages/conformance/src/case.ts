import type { ConformanceKit, ResolvedKit } from './kit.ts'
import { whyNot, type Need } from './needs.ts'
import { ConformanceError } from './expect.ts'
import { resolve } from './resolve.ts'
import { Scene } from './scene.ts'

/** One promise of the contract, and how to find out whether a transport keeps it. */
export interface ConformanceCase {
  readonly id: `C${string}`
  /** What holds, as a sentence. */
  readonly title: string
  /** What the transport and the kit must have for the case to apply. */
  readonly needs: readonly Need[]
  /** Disturbs or measures what others share: no other case may run at the same time. */
  readonly alone: boolean
  /** Rejects with `ConformanceError` when the promise is broken; what the transport threw is its cause. */
  run(kit: ConformanceKit): Promise<void>
}

/** How a case ended. */
export interface ConformanceResult {
  readonly id: string
  readonly title: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it was left out, or the first line of what failed. */
  readonly reason: string | undefined
  /** What was thrown. */
  readonly error: unknown
  /** Milliseconds. */
  readonly duration: number
}

interface CaseOptions {
  readonly needs?: readonly Need[]
  readonly alone?: boolean
}

/** Makes a case of a function that acts in a scene of its own: what it opened is closed behind it. */
export function defineCase(
  id: ConformanceCase['id'],
  title: string,
  { needs = [], alone = false }: CaseOptions,
  act: (scene: Scene) => Promise<void>,
): ConformanceCase {
  return {
    id,
    title,
    needs,
    alone: alone || needs.some((need) => need === 'network' || need === 'broker'),
    async run(kit) {
      const scene = new Scene(id, resolve(kit))
      try {
        await act(scene)
      } catch (error) {
        throw error instanceof ConformanceError ? error : scene.failure('no call fails that is to succeed', error)
      } finally {
        await scene.close()
      }
      scene.throwFailures()
    },
  }
}

/** Runs a case and says how it ended; never rejects. */
export async function runCase(entry: ConformanceCase, kit: ConformanceKit): Promise<ConformanceResult> {
  const { id, title } = entry
  const begin = Date.now()
  const end = (outcome: ConformanceResult['outcome'], reason?: string, error?: unknown): ConformanceResult => {
    return { id, title, outcome, reason, error, duration: Date.now() - begin }
  }
  try {
    const reason = reasonToSkip(entry, resolve(kit))
    if (reason !== undefined) return end('skipped', reason)
    await entry.run(kit)
    return end('passed')
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    return end('failed', line, error)
  }
}

/** Why a case does not apply, in a sentence; undefined when it does. */
export function reasonToSkip({ id, needs }: ConformanceCase, kit: ResolvedKit): string | undefined {
  for (const need of needs) {
    const reason = whyNot(need, kit)
    if (reason !== undefined) return `${kit.about.name}: ${reason}, so ${id} does not apply`
  }
  return undefined
}
