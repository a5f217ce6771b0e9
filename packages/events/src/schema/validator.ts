import * as core from 'zod/v4/core'
import { AsyncSchemaError } from '../errors/errors.ts'
import type { StandardSchema } from './standard-schema.ts'
import { isZodSchema, type ZodSchema } from './zod-tree.ts'

/** What a validation came to: `value` counts only while `issues` is empty. */
export interface Validation {
  value: unknown
  issues: readonly RawIssue[]
}

/** An issue of zod, as it stands before zod writes its message, or of another Standard Schema. */
export interface RawIssue {
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
  readonly [detail: string]: unknown
}

/** Validates one value. Throws what the schema's own functions throw, and `AsyncSchemaError` when the schema waits. */
export type Validator = (value: unknown) => Validation

/** The fastest validator that the schema allows. `type` names the event in errors. */
export function validatorOf(schema: StandardSchema, type: string): Validator {
  return isZodSchema(schema) ? zodValidator(schema, type) : standardValidator(schema, type)
}

// zod from 4.6 compiles a schema to one function, which takes a third to a half of the time of its own `parse` (see
// bench/create.ts); on bad input it falls back to the ordinary run, so the issues are the same. Where code generation
// is switched off, or zod is older, the ordinary run serves.
function zodValidator(schema: ZodSchema, type: string): Validator {
  const compile = (core as { compile?: typeof core.compile }).compile
  const fast = compile === undefined || core.globalConfig.jitless === true ? schema : compile(schema)
  return (value) => {
    try {
      const result = fast._zod.run({ value, issues: [] }, { async: false })
      if (result instanceof Promise) throw refuseAsync(type, result)
      return result
    } catch (error) {
      throw error instanceof core.$ZodAsyncError || waits(schema, value) ? new AsyncSchemaError(type, 'zod') : error
    }
  }
}

// zod's generated code trips over some promises with an error of its own: only a run that may wait tells.
function waits(schema: ZodSchema, value: unknown): boolean {
  try {
    const result = schema._zod.run({ value, issues: [] }, { async: true })
    if (!(result instanceof Promise)) return false
    result.catch(() => {})
    return true
  } catch {
    return false
  }
}

function standardValidator(schema: StandardSchema, type: string): Validator {
  const { validate, vendor } = schema['~standard']
  return (value) => {
    const result = validate(value)
    if ('then' in result) throw refuseAsync(type, result, vendor)
    if (result.issues === undefined) return { value: result.value, issues: [] }
    // Issues that are there but none in number are a refusal too.
    const issues = result.issues.map(({ message, path }) => ({ message, path }))
    return { value: undefined, issues: issues.length > 0 ? issues : [{ message: `what ${vendor} accepts` }] }
  }
}

function refuseAsync(type: string, result: PromiseLike<unknown>, vendor = 'zod'): AsyncSchemaError {
  // The answer is not wanted any more, and must not become an unhandled rejection.
  result.then(undefined, () => {})
  return new AsyncSchemaError(type, vendor)
}
