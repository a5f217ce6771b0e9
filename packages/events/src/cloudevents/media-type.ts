/** Whether a media type declares JSON: `application/json`, or a type that ends in `+json`. */
export function isJsonType(contentType: string): boolean {
  return contentType === 'application/json' || /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType)
}

/** Whether a media type declares text by its name: `text/…`, or XML. */
export function isTextType(contentType: string): boolean {
  return /^(?:text\/|[^;]*[/+]xml\s*(?:;|$))/i.test(contentType)
}

/** The character set that a media type names. */
export function charsetOf(contentType: string): string | undefined {
  return /charset="?([\w-]+)/i.exec(contentType)?.[1]
}
