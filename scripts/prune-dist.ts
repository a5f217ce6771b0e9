/**
 * Removes from every `dist` what no longer has a source. The compiler leaves such files behind, and they would be
 * published.
 */
import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.ts'

for (const file of globSync('{packages,apps}/*/dist/**/*.{js,ts,map}', { cwd: root })) {
  const source = file.replace(/([\\/])dist([\\/])/, '$1src$2').replace(/\.(?:js|d\.ts)(?:\.map)?$/, '.ts')
  if (!existsSync(join(root, source))) rmSync(join(root, file))
}
