import type { Decision } from './decisions.ts'

/**
 * A part of the decisions, as small as is found, with which it still fails: whole stretches are left out first, then
 * single ones, and at last each is replaced by a milder one. `fails` is asked at most `tries` times.
 */
export async function shrink(
  decisions: readonly Decision[],
  fails: (decisions: readonly Decision[]) => Promise<boolean>,
  tries = 600,
): Promise<readonly Decision[]> {
  let left = tries
  let best = decisions
  const accepts = async (candidate: readonly Decision[]): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false
    best = candidate
    return true
  }
  if (decisions.length > 0 && (await accepts([]))) return best
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.length;) {
      if (!(await accepts([...best.slice(0, from), ...best.slice(from + size)]))) from += size
      // What was in the way of an earlier one may be gone now.
      else if (size === 1) from = 0
    }
  }
  for (let at = 0; at < best.length; at++) {
    const [place, fate] = best[at]!
    for (const milder of milderThan(fate)) if (await accepts(best.with(at, [place, milder]))) break
  }
  return best
}

const latenesses = ['late-1', 'late-50', 'late-2000', 'late-60000']

function milderThan(fate: string): readonly string[] {
  const at = latenesses.indexOf(fate)
  if (at > 0) return latenesses.slice(0, at)
  return fate === 'duplicate-behind' ? ['duplicate'] : []
}
