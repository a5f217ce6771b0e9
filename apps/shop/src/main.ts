import { replay } from './replay/cli.ts'

const usage = `Usage: demo COMMAND

  replay FILE   read a retail CSV file as validated events through the shop

demo COMMAND --help tells more.
`

const [command, ...args] = process.argv.slice(2)

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
  case undefined:
  case 'help':
  case '--help':
  case '-h':
    process.stdout.write(usage)
    break
  default:
    process.stderr.write(`demo: there is no command ${JSON.stringify(command)}\n\n${usage}`)
    process.exitCode = 2
}
