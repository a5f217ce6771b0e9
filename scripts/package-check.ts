/**
 * Holds every tarball against publint and "Are the types wrong?", and its contents against what may be in it. Run
 * `pnpm build` first. The second tool comes through npx: it is left out, with the reason, where npx cannot get it.
 */
import { readFileSync } from 'node:fs'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { run } from './command.ts'
import { packAll } from './pack.ts'
import { temporaryFolder } from './workspace.ts'

const attw = ['--yes', '@arethetypeswrong/cli@0.18.5']
const allowed = /^(?:(?:dist|src)\/.+\.(?:js|ts|map)|package\.json|README\.md|LICENSE)$/

using folder = temporaryFolder('package-check')
const cwd = folder.path
const available = await run('npx', [...attw, '--version'], { cwd })

for (const { manifest, tarball, files } of await packAll(cwd)) {
  const strays = files.filter((file) => !allowed.test(file))
  const modules = files.filter((file) => /^dist\/.+\.js$/.test(file)).map((file) => file.slice(5, -3))
  const missing = ['dist/index.js', 'README.md', 'LICENSE', ...modules.flatMap(companions)].filter(
    (file) => !files.includes(file),
  )
  report(
    manifest.name,
    'contents',
    [...strays.map((file) => `not to be published: ${file}`), ...missing.map((file) => `missing: ${file}`)].join('\n'),
  )

  const { buffer } = new Uint8Array(readFileSync(tarball))
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: buffer } })
  const faults = messages.filter(({ type }) => type !== 'suggestion').map((message) => formatMessage(message, pkg))
  report(manifest.name, 'publint --strict', faults.join('\n'))

  if (available.code === 0) {
    const types = await run('npx', [...attw, tarball, '--profile', 'esm-only'], { cwd })
    report(manifest.name, 'attw --profile esm-only', types.code === 0 ? '' : types.stdout + types.stderr)
  } else {
    const reason = available.stderr.trimEnd().split('\n').at(-1)
    console.log(`left out ${manifest.name}: attw --profile esm-only (npx cannot get it: ${reason})`)
  }
}

/** What has to be there for a module to be typed and debugged. */
function companions(module: string): string[] {
  return [`dist/${module}.js.map`, `dist/${module}.d.ts`, `dist/${module}.d.ts.map`, `src/${module}.ts`]
}

function report(name: string, check: string, fault: string): void {
  console.log(`${fault === '' ? 'ok      ' : 'failed  '} ${name}: ${check}`)
  if (fault === '') return
  console.log(fault)
  process.exitCode = 1
}
