import { parseArgs } from 'node:util'
import { replay } from './replay/cli.ts'
import { report } from './replay/report-command.ts'
import { paintFor } from './story/paint.ts'

const usage = `Usage: demo [--seed N]     a day in an event-driven shop, in nine acts
       demo replay FILE    real retail data as validated events through the shop

  --seed N   another day: whole numbers from 0 on; default 1
  --help     this text; demo replay --help tells more of that

Exit codes: 0 fine, 2 a command or an option that there is not; replay has more.
`

const seedRule = '--seed takes one whole number from 0 on'

// Who writes sees whether it worked. Without a listener a reader who leaves early, as `head` does, would end the
// process with a stack trace.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

const [first, ...rest] = process.argv.slice(2)

if (first === 'report') process.exitCode = await report(rest, process)
else if (first === 'replay') {
  const { stdout, stderr } = process
  process.exitCode = await replay(rest, {
    stdout,
    stderr,
    signals: process,
    raise: (signal) => process.kill(process.pid, signal),
  })
} else {
  const request = parse(process.argv.slice(2))
  if ('refused' in request) refuse(request.refused)
  else if (request.help) process.stdout.write(usage)
  else {
    // Loaded here, so that the replay does not wait for what the story alone needs.
    const { tellStory } = await import('./story/story.ts')
    await tellStory(request.seed, console.log, paintFor(process.stdout))
  }
}

/** The request, or what is wrong with it. */
function parse(args: string[]): { readonly help: boolean; readonly seed: number } | { readonly refused: string } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h', default: false }, seed: { type: 'string', default: '1' } },
    })
    const [command = 'help', ...others] = positionals
    if (command === 'replay') return { refused: 'replay comes first, its options behind it' }
    if (command !== 'help') return { refused: `there is no command ${JSON.stringify(command)}` }
    if (others.length > 0) return { refused: `help takes no ${JSON.stringify(others[0])}` }
    if (!/^\d+$/.test(values.seed) || !Number.isSafeInteger(Number(values.seed))) {
      return { refused: `${seedRule}, received ${JSON.stringify(values.seed)}` }
    }
    return { help: values.help || positionals.length > 0, seed: Number(values.seed) }
  } catch (error) {
    // Behind its first sentence Node explains how to pass such a thing as a positional, which would not help here.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/)
    return { refused: reason.includes("'--seed") ? `${seedRule}: ${reason}` : reason }
  }
}

function refuse(what: string): void {
  process.stderr.write(`demo: ${what}\n\n${usage}`)
  process.exitCode = 2
}
