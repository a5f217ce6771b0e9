import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Outcome, run } from './command.ts'

/** The first thing to be shown stays: an error that nobody caught is not covered by the end of the module. */
const page = `<!doctype html><title>smoke</title>
<script>
  const show = (text) => document.body.textContent === 'waiting' && (document.body.textContent = text)
  addEventListener('error', (event) => show('failed: ' + (event.error?.stack ?? event.message)))
  addEventListener('unhandledrejection', (event) => show('failed: ' + (event.reason?.stack ?? event.reason)))
</script>
<script type="module">
  import('./bundle.js').then(() => show('passed'), (error) => show('failed: ' + error.stack))
</script>
<body>waiting</body>`

/** Runs one ES module in a headless Chromium, from a loopback server. The code is 0 when it ended without an error. */
export async function runInBrowser(path: string, module: string, folder: string): Promise<Outcome> {
  const server = createServer((request, response) => {
    const script = request.url === '/bundle.js'
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ? module : page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const outcome = await run(
      path,
      [
        '--headless',
        '--no-sandbox', // it refuses to start as root otherwise
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${join(folder, 'chromium')}`,
        '--virtual-time-budget=10000',
        '--dump-dom',
        `http://127.0.0.1:${port}/`,
      ],
      { cwd: folder, timeout: 60_000 },
    )
    const text = /<body>(.*)<\/body>/s.exec(outcome.stdout)?.[1]?.trim()
    return text === 'passed' ? outcome : { ...outcome, code: outcome.code || 1, stdout: text ?? outcome.stdout }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
