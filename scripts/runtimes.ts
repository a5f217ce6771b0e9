import { existsSync } from 'node:fs'
import { run } from './command.ts'

/** A program of some npm package, or the reason why there is none. */
export type Program = { path: string } | { missing: string }

/** The runtimes that the packages are tested on, in the form `run` takes: the arguments before the file's name. */
export const runtimes = [
  { name: 'Node 22.12', source: 'node@22.12.0', binary: 'node', args: [] },
  { name: 'Node 22.16', source: 'node@22.16.0', binary: 'node', args: [] },
  { name: 'Node 24', source: 'node@24', binary: 'node', args: [] },
  { name: 'Node 26', source: 'node@26', binary: 'node', args: [] },
  { name: 'Bun 1.4', source: 'bun@1.4.5', binary: 'bun', args: [] },
  { name: 'Deno 2.9', source: 'deno@2.9.6', binary: 'deno', args: ['run', '--allow-all'] },
] as const

/** The compilers that the declarations are tested with. */
export const compilers = [
  { name: 'TypeScript 5.9', source: 'typescript@5.9' },
  { name: 'TypeScript 6.0', source: 'typescript@6.0' },
  { name: 'TypeScript 7.0', source: 'typescript@7.0' },
] as const

/** Gets a program through npx, into npx's own cache. `cwd` is a folder without dependencies of its own. */
export async function obtain(source: string, binary: string, cwd: string): Promise<Program> {
  const { code, stdout, stderr } = await run('npx', ['--yes', '-p', source, '-c', `command -v ${binary}`], { cwd })
  const path = stdout.trim()
  if (code === 0 && existsSync(path)) {
    const { code: works, stderr: complaint } = await run(path, ['--version'], { cwd })
    return works === 0 ? { path } : { missing: `${source} does not start here: ${firstLine(complaint)}` }
  }
  const reason = /^npm error (?:code )?(.+)$/m.exec(stderr)?.[1] ?? firstLine(stderr)
  return { missing: `npx cannot get ${source}: ${reason}` }
}

/** The first Chromium of this machine, or the one that `CHROME_PATH` names. */
export async function chromium(cwd: string): Promise<Program> {
  const named = process.env['CHROME_PATH']
  if (named) return existsSync(named) ? { path: named } : { missing: `CHROME_PATH names ${named}, which is not there` }
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const { code, stdout } = await run('sh', ['-c', `command -v ${name}`], { cwd })
    if (code === 0) return { path: stdout.trim() }
  }
  return { missing: 'no Chromium on this machine; install one or set CHROME_PATH' }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
