import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate for 127.0.0.1 and localhost that its owner has signed. */
export interface Certificate {
  readonly certificateFile: string
  readonly keyFile: string
  /** PEM: who connects has to trust it. */
  readonly ca: string
}

/** Makes one in a folder, by openssl, valid for two days. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const [certificateFile, keyFile] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const how = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost'
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await promisify(execFile)('openssl', [...how.split(' '), ...names, '-keyout', keyFile, '-out', certificateFile])
  return { certificateFile, keyFile, ca: readFileSync(certificateFile, 'utf8') }
}
