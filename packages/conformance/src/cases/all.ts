import type { ConformanceCase } from '../case.ts'
import { causationCases } from './causation.ts'
import { connectionCases } from './connection.ts'
import { deadLetterStoreCases } from './dead-letter-store.ts'
import { deadLetterCases } from './dead-letters.ts'
import { flowCases } from './flow.ts'
import { groupCases } from './groups.ts'
import { inboxCases } from './inbox.ts'
import { inboxStoreCases } from './inbox-store.ts'
import { interopCases } from './interop.ts'
import { lifetimeCases } from './lifetime.ts'
import { orderCases } from './order.ts'
import { policyCases } from './policy.ts'
import { publishingCases } from './publishing.ts'
import { roundTripCases } from './round-trip.ts'
import { settlingCases } from './settling.ts'
import { soakCases } from './soak.ts'

/** Every case of the suite, by id. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...roundTripCases,
  ...publishingCases,
  ...settlingCases,
  ...groupCases,
  ...orderCases,
  ...flowCases,
  ...connectionCases,
  ...deadLetterStoreCases,
  ...deadLetterCases,
  ...inboxCases,
  ...inboxStoreCases,
  ...policyCases,
  ...causationCases,
  ...lifetimeCases,
  ...interopCases,
  ...soakCases,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))
