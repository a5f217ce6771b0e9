import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const archive = join(import.meta.dirname, '../../../../../shared/data/specs_and_fixtures.tar.gz')

/**
 * The texts of an archive of published specifications and fixtures that lies beside a CI checkout, by path; `undefined`
 * where it does not, as with an outside contributor.
 */
export function readArchive(): ReadonlyMap<string, string> | undefined {
  return existsSync(archive) ? untar(gunzipSync(readFileSync(archive))) : undefined
}

// The ustar format: a header of 512 bytes with name, size in octal and kind, then the content, padded to 512.
function untar(bytes: Buffer): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (let at = 0; at + 512 <= bytes.length;) {
    const text = (start: number, length: number) =>
      bytes.toString('utf8', at + start, at + start + length).replace(/\0.*$/s, '')
    const name = text(0, 100)
    if (name === '') break
    const size = Number.parseInt(text(124, 12).trim() || '0', 8)
    const prefix = text(257, 5) === 'ustar' ? text(345, 155) : ''
    const path = (prefix === '' ? name : `${prefix}/${name}`).replace(/^\.\//, '')
    if (['', '0'].includes(text(156, 1))) files.set(path, bytes.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
