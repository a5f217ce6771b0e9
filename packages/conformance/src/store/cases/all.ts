import type { StoreCase } from '../case.ts'
import { appendCases } from './append.ts'
import { contentCases } from './contents.ts'
import { featureCases } from './features.ts'
import { logCases } from './log.ts'
import { partCases } from './parts.ts'
import { processCases } from './processes.ts'
import { programCases } from './programs.ts'
import { readCases } from './read.ts'
import { recordCases } from './records.ts'
import { removalCases } from './removal.ts'
import { repetitionCases } from './repetition.ts'
import { sealedCases } from './sealed.ts'

/** Every case for event stores, by id. */
export const storeCases: readonly StoreCase[] = [
  ...appendCases,
  ...repetitionCases,
  ...readCases,
  ...contentCases,
  ...logCases,
  ...removalCases,
  ...recordCases,
  ...featureCases,
  ...programCases,
  ...processCases,
  ...sealedCases,
  ...partCases,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))
