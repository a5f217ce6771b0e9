/** The category of a stream: its name up to its first `-`, the whole of it where there is none. */
export function categoryOf(stream: string): string {
  const end = stream.indexOf('-')
  return end === -1 ? stream : stream.slice(0, end)
}
