/** Which of so many lanes the events of a stream go through, always the same: a hash in the manner of FNV-1a. */
export function laneOf(stream: string, lanes: number): number {
  if (lanes === 1) return 0
  let hash = 0x811c9dc5
  for (let index = 0; index < stream.length; index++) hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193)
  return ((hash ^ (hash >>> 15)) >>> 0) % lanes
}
