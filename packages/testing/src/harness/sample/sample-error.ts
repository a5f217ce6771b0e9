import { TidingsError } from '@tidings/core'

/** No valid data can be made for a schema; the message names the path, and what to give. */
export class SampleError extends TidingsError<'NO_SAMPLE'> {
  override readonly name = 'SampleError'
  /** Where it is, from the data on. */
  readonly path: readonly PropertyKey[]

  constructor(path: readonly PropertyKey[], why: string, options?: { readonly cause?: unknown }) {
    const place = path.length === 0 ? 'the data' : `\`${path.map(String).join('.')}\``
    super('NO_SAMPLE', `no sample of ${place} can be made: ${why}\nGive its value among the overrides of sample.`, {
      ...options,
      details: { path: path.map(String) },
    })
    this.path = path
  }
}
