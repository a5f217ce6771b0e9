/** What something asynchronous of Node's is up to. */
export type ResourceState =
  /** Only the machine's speed keeps it from its end: work in the thread pool. */
  | 'computes'
  /** It ends by itself, soon or late: a question to the network, a timer. */
  | 'works'
  /** It may bring something at any time, or never: a socket, a worker, an interval. */
  | 'open'
  | 'idle'
  | 'ended'

/** As `async_hooks` hands it over, whatever is inside. */
export type Resource = Readonly<Record<string, unknown>>

/** What nobody waits for by itself: what is inside of others, waits for new connections, or never tells its end. */
const unfollowed = new Set([
  'DNSCHANNEL',
  'ELDHISTOGRAM',
  'FILEHANDLE',
  'FSEVENTWRAP',
  'HTTP2SESSION',
  'HTTP2STREAM',
  'HTTPCLIENTREQUEST',
  'HTTPINCOMINGMESSAGE',
  'INSPECTORJSBINDING',
  'JSSTREAM',
  'Microtask',
  'PIPESERVERWRAP',
  'PROMISE',
  'SIGNALWRAP',
  'STATWATCHER',
  'TCPSERVERWRAP',
  'TickObject',
  'TLSWRAP',
  'TTYWRAP',
])

/** Whether somebody may wait for what is of this type. */
export function isFollowed(type: string): boolean {
  return !unfollowed.has(type)
}

/** What has no references to count, and is no request all the same. */
const lasting = new Set(['BLOBREADER', 'Immediate', 'Timeout', 'WORKER', 'ZLIB'])

/** Requests have one answer, their callback: those of Node, and the work of addons. */
export function isRequest(type: string, resource: Resource): boolean {
  return !lasting.has(type) && typeof resource['hasRef'] !== 'function'
}

/** Reads fields that Node does not document: where they are missing, a resource counts as one that is not at its end. */
export function stateOf(type: string, resource: Resource): ResourceState {
  if (type === 'Immediate') return resource['_destroyed'] === true ? 'ended' : 'works'
  if (type === 'Timeout') return timeoutState(resource)
  if (isRequest(type, resource)) return /^FSREQ|^FILEHANDLECLOSEREQ$|REQUEST$/.test(type) ? 'computes' : 'works'
  // A stream of zlib lives until it is collected; it works while it has a chunk.
  if (type === 'ZLIB') return resource['buffer'] === null || resource['buffer'] === undefined ? 'idle' : 'computes'
  // A worker without references is waited for all the same; the handle of one that has ended has no methods any more.
  if (type === 'WORKER') return typeof resource['hasRef'] === 'function' ? 'open' : 'ended'
  return referenced(resource) === false ? 'idle' : 'open'
}

/** Whether it keeps the process alive; undefined where it does not say. */
export function referenced(resource: Resource): boolean | undefined {
  return typeof resource['hasRef'] === 'function' ? resource['hasRef']() === true : undefined
}

/** Milliseconds of a timer. */
export function delayOf(resource: Resource): number {
  return Number(resource['_idleTimeout'])
}

function timeoutState(timer: Resource): ResourceState {
  if (timer['_destroyed'] === true) return 'ended'
  return typeof timer['_repeat'] === 'number' || referenced(timer) === false ? 'open' : 'works'
}
