import type { EventIssue } from '../errors/issues.ts'

/** Whether a body is binary. */
export function isBytes(body: unknown): body is Uint8Array | ArrayBuffer {
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body)
}

/** A binary body as bytes. */
export function bytesOf(body: Uint8Array | ArrayBuffer): Uint8Array {
  return body instanceof ArrayBuffer ? new Uint8Array(body) : body
}

/** The value of a JSON body; `undefined` when there is nothing in it. Of one that is no JSON no part is told. */
export function readJson(text: string, contentType: string, issues: EventIssue[]): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    issues.push(bodyIssue(`a body of ${contentType}`, 'other text'))
    return undefined
  }
}

/** An issue about a body. It may be confidential, so `received` must not quote it. */
export function bodyIssue(expected: string, received: string): EventIssue {
  return { path: ['data'], code: 'invalid_attribute', expected, received }
}
