/**
 * Builds from nothing, checks the tarballs, then publishes what the registry does not have. With `--dry-run` it
 * publishes nothing and shows what would be published, file by file.
 */
import { globSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { packAll } from './pack.ts'
import { publicPackages, root, temporaryFolder, tool } from './workspace.ts'

const dry = process.argv.includes('--dry-run')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--dry-run')
if (unknown.length > 0) stop(`release does not know ${unknown.join(' ')}\nIt takes --dry-run or nothing.`)

const pending = globSync('.changeset/*.md', { cwd: root }).filter((file) => !file.endsWith('README.md'))
if (pending.length > 0) {
  const list = pending.map((file) => `  ${file}`).join('\n')
  if (!dry)
    stop(`release is refused: changesets wait to become versions\n${list}\nRun \`pnpm version-packages\` first.`)
  console.log(`These changesets wait, so the versions below are not final (\`pnpm version-packages\`):\n${list}\n`)
}

for (const { folder } of publicPackages()) rmSync(join(folder, 'dist'), { recursive: true, force: true })
await step('build', tool('turbo'), ['run', 'build', '--force', '--filter=./packages/*'])
await step('package-check', process.execPath, [join(import.meta.dirname, 'package-check.ts')])

if (dry) {
  const plan = await run(tool('changeset'), ['publish-plan'], { cwd: root })
  console.log(plan.code === 0 ? plan.stdout.trim() : `The registry cannot be asked: ${plan.stderr.trim()}`)
  using folder = temporaryFolder('release')
  for (const { manifest, tarball, files } of await packAll(folder.path)) {
    const kilobytes = (statSync(tarball).size / 1000).toFixed(1)
    console.log(`\n${manifest.name}@${manifest.version}: ${files.length} files, ${kilobytes} kB packed`)
    for (const file of files) console.log(`  ${file}`)
  }
  console.log('\nDry run: nothing was published.')
} else {
  await step('publish', tool('changeset'), ['publish'])
}

async function step(name: string, command: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, { cwd: root })
  console.log(`=== ${name}\n${stdout}${stderr}`)
  if (code !== 0) stop(`release stopped: ${name} failed`)
}

function stop(message: string): never {
  console.error(message)
  process.exit(1)
}
