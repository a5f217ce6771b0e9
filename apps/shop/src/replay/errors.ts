import { TidingsError } from '@tidings/core'

/** Why a replay could not start or could not go on to the end of its file. */
export type ReplayErrorCode =
  | 'REPLAY_EMPTY_FILE'
  | 'REPLAY_FILE_FORBIDDEN'
  | 'REPLAY_FILE_NOT_FOUND'
  | 'REPLAY_FILE_UNREADABLE'
  | 'REPLAY_GZIP_CORRUPT'
  | 'REPLAY_GZIP_TRUNCATED'
  | 'REPLAY_HEADER'
  | 'REPLAY_IS_DIRECTORY'
  | 'REPLAY_NOT_CSV'
  | 'REPLAY_OTHER_FILE'
  | 'REPLAY_OVERTAKEN'
  | 'REPLAY_TOTAL_OVERFLOW'

/** Ends a replay: exit code 1. Malformed rows are no such error, they are counted and the replay goes on. */
export class ReplayError extends TidingsError<ReplayErrorCode> {
  override readonly name = 'ReplayError'
}
