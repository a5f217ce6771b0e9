import { replay } from './replay/cli.ts'
import { paintFor } from './story/paint.ts'

const usage = `Usage: demo [--seed N]     a day in an event-driven shop, in seven acts
       demo replay FILE    real retail data as validated events through the shop

  --seed N   another day: whole numbers from 0 on; default 1
  --help     this text; demo replay --help tells more of that

Exit codes: 0 fine, 2 a command or an option that there is not; replay has more.
`

const [command = '--seed', ...args] = process.argv.slice(2)

// Who writes sees whether it worked. Without a listener a reader who leaves early, as `head` does, would end the
// process with a stack trace.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})

switch (command) {
  case 'replay': {
    const { stdout, stderr } = process
    process.exitCode = await replay(args, {
      stdout,
      stderr,
      signals: process,
      raise: (signal) => process.kill(process.pid, signal),
    })
    break
  }
  case '--seed': {
    const seed = args.length === 0 ? 1 : Number(args[0])
    if (!Number.isSafeInteger(seed) || seed < 0 || args.length > 1) {
      refuse(`--seed takes one whole number from 0 on, received ${JSON.stringify(args.join(' '))}`)
      break
    }
    // Loaded here, because no Node parses the decorators of its sources: the replay runs without a build too.
    const { tellStory } = await import('./story/story.ts')
    await tellStory(seed, console.log, paintFor(process.stdout))
    break
  }
  case 'help':
  case '--help':
  case '-h':
    process.stdout.write(usage)
    break
  default:
    refuse(`there is no command ${JSON.stringify(command)}`)
}

function refuse(what: string): void {
  process.stderr.write(`demo: ${what}\n\n${usage}`)
  process.exitCode = 2
}
