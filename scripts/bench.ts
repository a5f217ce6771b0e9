/**
 * Builds what is measured away from standard output (which `--json` keeps for itself), gets the Nodes that `--nodes` names
 * by version, and runs the bench.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { run } from './command.ts'
import { obtain } from './runtimes.ts'
import { root, temporaryFolder, tool } from './workspace.ts'

const prune = await run(process.execPath, [join(root, 'scripts/prune-dist.ts')], { cwd: root })
// The replay runs the shop.
const what = ['@tidings/bench...', '@tidings/shop...'].map((filter) => `--filter=${filter}`)
const build = prune.code === 0 ? await run(tool('turbo'), ['run', 'build', ...what], { cwd: root }) : prune
if (build.code !== 0) {
  process.stderr.write(`${build.stdout}${build.stderr}\nbench: the build failed\n`)
  process.exit(1)
}

const bench = spawn(process.execPath, [join(root, 'apps/bench/dist/main.js'), ...(await withPaths())], {
  stdio: 'inherit',
})
// Ctrl-C in a terminal reaches both processes by itself; what is sent to this one alone is passed on.
process.on('SIGINT', () => process.stdin.isTTY || bench.kill('SIGINT'))
process.on('SIGTERM', () => bench.kill('SIGTERM'))
bench.on('exit', (code) => process.exit(code ?? 1))

/** The arguments, with a path in the place of each version that `--nodes` lists. */
async function withPaths(): Promise<string[]> {
  const args = process.argv.slice(2).flatMap((arg) => (arg.startsWith('--nodes=') ? arg.split('=') : [arg]))
  const at = args.indexOf('--nodes') + 1
  const list = at === 0 ? undefined : args[at]
  if (list === undefined) return args
  using nowhere = temporaryFolder('nowhere')
  const paths: string[] = []
  for (const name of list.split(',').map((each) => each.trim())) {
    if (!/^\d+(\.\d+)*$/.test(name)) {
      paths.push(name)
      continue
    }
    const program = await obtain(`node@${name}`, 'node', nowhere.path)
    if ('missing' in program) {
      process.stderr.write(`bench: ${program.missing}\n`)
      process.exit(1)
    }
    paths.push(program.path)
  }
  return args.with(at, paths.join(','))
}
