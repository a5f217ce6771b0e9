import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './report/report.ts'
import type { Scenario } from './scenarios/scenario.ts'

/** Where and when it is measured, but for the load at the end. */
export function environmentOf(node: string, scenarios: readonly Scenario[]): Omit<Environment, 'load'> {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    ...engineOf(node),
    cpu: (cpus()[0]?.model ?? 'unknown processor')
      .replaceAll(/\((?:R|TM)\)/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${arch()}`,
    files: fileSystemOf(tmpdir()),
    versions: Object.fromEntries(packagesOf(scenarios).map((name) => [name, versionOf(name)])),
  }
}

/** The numbers by which Linux knows its file systems; on a `tmpfs` no commit waits for a disk. */
const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x01021994: 'tmpfs (no disk)',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlayfs',
}

function fileSystemOf(folder: string): string {
  const { type: number } = statfsSync(folder)
  return fileSystems[number] ?? `a file system of type 0x${number.toString(16)}`
}

/** The versions of a Node and of its engine. */
export function engineOf(node: string): Pick<Environment, 'node' | 'v8'> {
  const text = execFileSync(node, ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' })
  const versions = JSON.parse(text) as Record<string, string>
  return { node: versions['node'] ?? '', v8: (versions['v8'] ?? '').replace(/-.*/, '') }
}

function commit(): string {
  const arguments_ = ['-C', import.meta.dirname, 'describe', '--always', '--dirty', '--exclude=*']
  try {
    return execFileSync('git', arguments_, { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown'
  }
}

/** The load of the machine over the last minute. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10
}

function packagesOf(scenarios: readonly Scenario[]): string[] {
  const names = scenarios.flatMap(({ contestants }) => Object.values(contestants).flatMap((each) => each.package ?? []))
  return [...new Set(names)].toSorted()
}

/** Read beside the package's code, since not every package exports its manifest. */
function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
