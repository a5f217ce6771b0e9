// For the packages of this house: no part of the stable surface, so that a tool can follow those who use it.
export { asyncSnapshot, type Snapshot } from '../async-context.ts'
export { atLeast, hook, invalidArgument, knownOptions, misuse, oneOf, shown } from '../check.ts'
export { backoff, type BackoffOptions, longestBackoff } from './backoff.ts'
export { functionOption, methodOption, whole } from './check.ts'
export { isFinal } from './final-error.ts'
export type { EventIdentity, Inbox } from './inbox.ts'
export { type MemoryInbox, memoryInbox, type MemoryInboxOptions } from './memory-inbox.ts'
export { isThenable } from './thenable.ts'
