// Builds the shop, quietly and away from standard output (which `--json` keeps for itself), and runs it.
// Plain JavaScript: it also runs where only an old Node is at hand.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const shop = fileURLToPath(new URL('../apps/shop/dist/main.js', import.meta.url))

const build = spawnSync('turbo', ['run', 'build', '--filter=@tidings/shop...', '--output-logs=errors-only'], {
  encoding: 'utf8',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  shell: process.platform === 'win32',
})
if (build.status !== 0) {
  process.stderr.write(
    `${build.stdout ?? ''}${build.stderr ?? ''}${build.error?.message ?? ''}\ndemo: the build failed\n`,
  )
  process.exit(1)
}

const demo = spawn(process.execPath, [shop, ...process.argv.slice(2)], { stdio: 'inherit' })
// Ctrl-C in a terminal reaches both processes by itself; what is sent to this one alone is passed on.
process.on('SIGINT', () => process.stdin.isTTY || demo.kill('SIGINT'))
process.on('SIGTERM', () => demo.kill('SIGTERM'))
demo.on('exit', (code, signal) => {
  if (!signal) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
