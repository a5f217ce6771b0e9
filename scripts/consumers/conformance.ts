// Compiled against the published declarations, then run.
import { memory } from '@tidings/bus'
import { type ConformanceKit, type ConformanceReport, conformanceCases, runConformance } from '@tidings/conformance'
import { openedByMany, runStoreConformance, storeCases, type StoreKit } from '@tidings/conformance/store'
import { memoryRecorder } from '@tidings/store/recorder'
import { serveTransport, socketTransport } from '@tidings/conformance/faults'

const server = await serveTransport(memory())
const kit: ConformanceKit = { transport: () => socketTransport({ port: server.port }), within: '5s' }
const report: ConformanceReport = await runConformance(kit, { cases: conformanceCases.slice(0, 1) })
const outcomes: ('passed' | 'failed' | 'skipped')[] = report.results.map(({ outcome }) => outcome)
await server.close()
const log: StoreKit = { name: 'memory', recorder: openedByMany(memoryRecorder()) }
const { results } = await runStoreConformance(log, { cases: storeCases.slice(0, 3) })
outcomes.push(...results.map(({ outcome }) => outcome))
// @ts-expect-error A kit needs a way to the broker.
const wrong = () => runConformance({ within: '5s' })
if (outcomes.join() !== 'passed,passed,passed,passed' || wrong.length > 0) throw new Error('the conformance kit')
