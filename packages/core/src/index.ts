export { type EventDefinition, eventType, nextDefinitionIndex, type PayloadOf } from './definition.ts'
export { type Duration, milliseconds } from './duration.ts'
export { isTidingsError, TidingsError, type TidingsErrorOptions } from './errors.ts'
