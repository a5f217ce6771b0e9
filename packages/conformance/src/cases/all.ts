import type { ConformanceCase } from '../case.ts'
import { causationCases } from './causation.ts'
import { confirmCases } from './confirms.ts'
import { connectionCases } from './connection.ts'
import { deadLetterSinkCases } from './dead-letter-sink.ts'
import { deadLetterStoreCases } from './dead-letter-store.ts'
import { deadLetterCases } from './dead-letters.ts'
import { flowCases } from './flow.ts'
import { groupCases } from './groups.ts'
import { inboxCases } from './inbox.ts'
import { inboxStoreCases } from './inbox-store.ts'
import { integrationStoreCases } from './integration-stores.ts'
import { interopCases } from './interop.ts'
import { lifetimeCases } from './lifetime.ts'
import { orderCases } from './order.ts'
import { policyCases } from './policy.ts'
import { processCases } from './processes.ts'
import { publishingCases } from './publishing.ts'
import { roundTripCases } from './round-trip.ts'
import { crashCases } from './crashes.ts'
import { growthCases } from './growth.ts'
import { errorCases } from './errors.ts'
import { sharingCases } from './sharing.ts'
import { groupLifeCases } from './group-life.ts'
import { laterCases } from './later.ts'
import { settlementCases } from './settlement.ts'
import { suspectCases } from './suspects.ts'
import { settlingCases } from './settling.ts'
import { soakCases } from './soak.ts'
import { transactionCases } from './transactions.ts'

/** Every case of the suite, by id. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...roundTripCases,
  ...publishingCases,
  ...confirmCases,
  ...settlingCases,
  ...settlementCases,
  ...laterCases,
  ...suspectCases,
  ...groupLifeCases,
  ...sharingCases,
  ...errorCases,
  ...processCases,
  ...growthCases,
  ...crashCases,
  ...groupCases,
  ...orderCases,
  ...flowCases,
  ...connectionCases,
  ...deadLetterStoreCases,
  ...deadLetterSinkCases,
  ...deadLetterCases,
  ...inboxCases,
  ...inboxStoreCases,
  ...policyCases,
  ...causationCases,
  ...lifetimeCases,
  ...integrationStoreCases,
  ...interopCases,
  ...soakCases,
  ...transactionCases,
].toSorted((a, b) => (a.id < b.id ? -1 : 1))
