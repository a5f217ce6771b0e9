import { spawn } from 'node:child_process'

/** What a finished command left behind. */
export interface Outcome {
  /** The exit code; 1 where a signal ended it, 127 where it could not be started. */
  code: number
  stdout: string
  stderr: string
}

/** Where and for how long a command runs. */
export interface CommandOptions {
  cwd: string
  /** Added to the environment of this process. */
  env?: Record<string, string>
  /** Milliseconds after which it is ended; default five minutes. */
  timeout?: number
}

/** Runs a command without a shell and without input. Never throws: see {@link Outcome.code}. */
export function run(command: string, args: readonly string[], options: CommandOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, TURBO_TELEMETRY_DISABLED: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeout ?? 300_000,
    })
    const outcome: Outcome = { code: 1, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text))
    child.on('error', (error) => resolve({ ...outcome, code: 127, stderr: outcome.stderr + error.message }))
    child.on('close', (code) => resolve({ ...outcome, code: code ?? 1 }))
  })
}

/** As {@link run}, but anything but success is an error that shows what the command said. */
export async function mustRun(command: string, args: readonly string[], options: CommandOptions): Promise<Outcome> {
  const outcome = await run(command, args, options)
  if (outcome.code === 0) return outcome
  throw new Error(
    `\`${[command, ...args].join(' ')}\` in ${options.cwd} ended with ${outcome.code}\n${outcome.stdout}${outcome.stderr}`,
  )
}
