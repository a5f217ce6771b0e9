import type { AggregationStore, ClaimCheckStore } from '@tidings/bus/integration'
import type { OpenedFile } from './file/opened-file.ts'
import type { SharedFile } from './file/shared-file.ts'

/** What aggregators gather, in a file. */
export function aggregationsIn(opened: OpenedFile): AggregationStore {
  return {
    add: (entry) => using(opened, (file) => file.commit(() => file.aggregations.add(entry))),
    read: (name) => using(opened, (file) => file.aggregations.read(name)),
    seal: (name, reason) => using(opened, (file) => file.commit(() => file.aggregations.seal(name, reason))),
    close: (name) => using(opened, (file) => file.commit(() => file.aggregations.close(name, file.now()))),
  }
}

/** The large data of events, in a file; `ttl` in milliseconds. */
export function claimChecksIn(opened: OpenedFile, ttl: number): ClaimCheckStore {
  return {
    put(key, bytes) {
      // Whoever made the bytes may change them before they are written.
      const own = new Uint8Array(bytes)
      return using(opened, (file) => file.commit(() => file.claims.put(key, own, file.now() + ttl)))
    },
    get: (key) => using(opened, (file) => file.claims.get(key)),
  }
}

async function using<Result>(opened: OpenedFile, use: (file: SharedFile) => Result | Promise<Result>): Promise<Result> {
  const { file, release } = await opened.use()
  try {
    return await use(file)
  } finally {
    await release()
  }
}
