import { functionOption, invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { DeadLetterSink } from '../transport/dead-letter-sink.ts'
import type { ReplayOptions, ReplayResult } from './dead-letters.ts'

/** Sends back what a sink has of one group, as a whole and in order. */
export async function replaySink(
  sink: DeadLetterSink,
  group: string,
  options: ReplayOptions,
  closing: AbortSignal,
): Promise<ReplayResult> {
  knownOptions(options, ['rate', 'limit', 'signal', 'edit', 'onProgress', 'again', 'expired'], 'replay')
  const { rate = 100, limit = Infinity, signal, edit } = options
  if (!(rate > 0)) throw invalidArgument('rate', 'more than 0', rate, 'Letters a second; Infinity for no bound.')
  if (edit !== undefined) {
    functionOption(edit, 'edit')
    throw invalidArgument(
      'edit',
      'left out where dead letters go to a sink',
      edit,
      'Give createBus a `deadLetters` store of its own to edit them.',
    )
  }
  const given = signal === undefined ? closing : AbortSignal.any([signal, closing])
  const most = whole(limit, 1, 'limit', true)
  const replayed = await sink.replay(group, { rate, limit: most, signal: given })
  const ended = given.aborted ? 'aborted' : replayed >= most ? 'limit' : 'complete'
  return { replayed, skipped: 0, failed: [], ended }
}
