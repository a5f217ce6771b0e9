/**
 * Installs the packed tarballs into an empty project outside the workspace and uses them there: on every runtime and
 * with every compiler that npx can get, and in a browser. One line per package and place: `ok`, `failed`, or `left
 * out` with the reason. Fails where a line does. Run `pnpm build` first.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { runInBrowser } from './browser.ts'
import { mustRun, type Outcome, run } from './command.ts'
import { packAll } from './pack.ts'
import { chromium, compilers, obtain, runtimes } from './runtimes.ts'
import { readManifest, root, temporaryFolder, tool, withoutBrowser } from './workspace.ts'

using folder = temporaryFolder('smoke')
const nowhere = join(folder.path, 'nowhere')
const project = join(folder.path, 'project')
const tarballs = join(folder.path, 'tarballs')
for (const path of [nowhere, project, tarballs]) mkdirSync(path)
const tally = { ok: 0, failed: 0, 'left out': 0 }

const packages = await packAll(tarballs)
writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
// The peers.
const peers = [
  'events/node_modules/zod',
  'kafka/node_modules/@platformatic/kafka',
  'rabbitmq/node_modules/amqplib',
  'sqlite/node_modules/better-sqlite3',
].map((folder) => {
  const { name, version } = readManifest(join(root, 'packages', folder, 'package.json'))
  return `${name}@${version}`
})
await mustRun('npm', ['install', '--no-audit', '--no-fund', ...peers, ...packages.map(({ tarball }) => tarball)], {
  cwd: project,
})
cpSync(join(import.meta.dirname, 'consumers'), project, { recursive: true })

for (const runtime of runtimes) {
  const program = await obtain(runtime.source, runtime.binary, nowhere)
  for (const { id, manifest } of packages) {
    const place = `${manifest.name} on ${runtime.name}`
    if ('missing' in program) {
      report('left out', place, program.missing)
      continue
    }
    if (isOlder(runtime.name, manifest.engines!['node']!)) {
      report('left out', place, `it asks for Node ${manifest.engines!['node']}`)
      continue
    }
    const start = (...args: string[]): Promise<Outcome> =>
      run(program.path, [...runtime.args, ...args], { cwd: project, timeout: 60_000 })
    conclude(place, await start(`${id}.mjs`))
    conclude(`${place}, by require`, await start('require.cjs', manifest.name))
  }
}

for (const compiler of compilers) {
  const program = await obtain(compiler.source, 'tsc', nowhere)
  for (const module of ['nodenext', 'bundler'] as const) {
    const strict = module === 'nodenext'
    for (const { id, manifest } of packages) {
      const place = `${manifest.name} with ${compiler.name}, ${module}`
      if ('missing' in program) {
        report('left out', place, program.missing)
        continue
      }
      const outDir = `${compiler.source}-${module}`
      const options = {
        noEmitOnError: true,
        target: 'ES2022',
        // Once everything checked with a lib that knows `Disposable`, once as most projects have it.
        lib: strict ? ['ES2022', 'DOM', 'ESNext.Disposable'] : ['ES2022', 'DOM'],
        skipLibCheck: !strict,
        module: strict ? 'NodeNext' : 'ESNext',
        moduleResolution: strict ? 'NodeNext' : 'Bundler',
        strict: true,
        exactOptionalPropertyTypes: strict,
        types: [],
        rootDir: '.',
        outDir,
      }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: [`${id}.ts`] }))
      const compiled = await run(program.path, ['--pretty', 'false'], { cwd: project })
      conclude(
        place,
        compiled.code === 0 ? await run(tool('node'), [`${outDir}/${id}.js`], { cwd: project }) : compiled,
      )
    }
  }
}

const browser = await chromium(nowhere)
for (const { id, manifest } of packages) {
  const isForBrowsers = !withoutBrowser.includes(id)
  const bare = await bundle(`import '${manifest.name}'`, isForBrowsers ? 'browser' : 'node')
  conclude(`${manifest.name} leaves nothing of an unused import in an esbuild bundle`, {
    ...bare,
    code: bare.code || bare.stdout.length,
  })
  const place = `${manifest.name} in Chromium`
  if ('missing' in browser || !isForBrowsers) {
    report('left out', place, 'missing' in browser ? browser.missing : 'it needs a file system')
    continue
  }
  const bundled = await bundle(readFileSync(join(project, `${id}.mjs`), 'utf8'))
  conclude(place, bundled.code === 0 ? await runInBrowser(browser.path, bundled.stdout, folder.path) : bundled)
}

console.log(`\nsmoke: ${tally.ok} ok, ${tally.failed} failed, ${tally['left out']} left out`)
if (tally.failed > 0) process.exitCode = 1

/** One module of `contents` and all that it imports, as a command that writes it. */
async function bundle(contents: string, platform: 'browser' | 'node' = 'browser'): Promise<Outcome> {
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: project, loader: 'js' },
      bundle: true,
      write: false,
      format: 'esm',
      platform,
      target: 'es2022',
      minifySyntax: true,
      logLevel: 'silent',
    })
    return { code: 0, stdout: outputFiles[0]!.text, stderr: '' }
  } catch (error) {
    return { code: 1, stdout: '', stderr: String(error) }
  }
}

/** Whether a runtime is a Node that is older than the one that a package asks for. */
function isOlder(runtime: string, engines: string): boolean {
  const [major = 0, minor = 0] = numbersIn(runtime)
  const [least = 0, leastMinor = 0] = numbersIn(engines)
  // One without a minor version is the newest of its line.
  return (
    runtime.startsWith('Node ') && runtime.includes('.') && (major < least || (major === least && minor < leastMinor))
  )
}

function numbersIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number)
}

function conclude(place: string, { code, stdout, stderr }: Outcome): void {
  report(code === 0 ? 'ok' : 'failed', place, code === 0 ? '' : `exit code ${code}\n${stdout}${stderr}`)
}

function report(result: keyof typeof tally, place: string, reason: string): void {
  tally[result]++
  console.log(`${result.padEnd(8)} ${place}${reason === '' ? '' : `: ${reason.trim()}`}`)
}
