/**
 * The tables, version by version: each entry leads from the version before to the next one. What is released is never
 * changed again. All names begin with `tidings_`, since the file is the application's too.
 *
 * One log holds every message in global order. A group is a set of cursors on it, each for a range of lanes (the hash of
 * the key); what a cursor has passed over, and what is not done with all the same, is held in a row of its own.
 */
export const migrations: readonly string[] = [
  `
CREATE TABLE tidings_log (
  position INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,            -- milliseconds since 1970
  lane INTEGER NOT NULL,
  audience INTEGER,               -- NULL: every group that asks for the type; 0: none, it is held; else one group
  type TEXT NOT NULL,
  key TEXT,
  attributes TEXT NOT NULL,
  content_type TEXT,
  body ANY,                       -- text or bytes
  headers TEXT,
  stream TEXT,                    -- of an event of the store
  version INTEGER,
  identity TEXT                   -- its source and id
) STRICT;
CREATE UNIQUE INDEX tidings_log_stream ON tidings_log (stream, version) WHERE stream IS NOT NULL;
CREATE UNIQUE INDEX tidings_log_identity ON tidings_log (identity) WHERE identity IS NOT NULL;

-- Of streams whose rows do not say it all.
CREATE TABLE tidings_streams (
  stream TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  truncated_before INTEGER NOT NULL,
  tombstoned INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tidings_records (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  revision INTEGER NOT NULL,
  position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tidings_delayed (
  id INTEGER PRIMARY KEY,
  due INTEGER NOT NULL,
  event TEXT NOT NULL,
  audience INTEGER,
  type TEXT NOT NULL,
  key TEXT,
  attributes TEXT NOT NULL,
  content_type TEXT,
  body ANY,
  headers TEXT
) STRICT;
CREATE INDEX tidings_delayed_due ON tidings_delayed (due);
CREATE INDEX tidings_delayed_event ON tidings_delayed (event);

CREATE TABLE tidings_groups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  ordered INTEGER NOT NULL,
  node INTEGER                    -- of a temporary group: lives as long
) STRICT;

CREATE TABLE tidings_bindings (
  group_id INTEGER NOT NULL,
  type TEXT NOT NULL,
  since INTEGER NOT NULL,         -- messages behind this position
  until INTEGER,                  -- and up to this one, where it was taken back
  PRIMARY KEY (group_id, type, since)
) STRICT, WITHOUT ROWID;

CREATE TABLE tidings_cursors (
  id INTEGER PRIMARY KEY,
  group_id INTEGER NOT NULL,
  lane_from INTEGER NOT NULL,
  lane_to INTEGER NOT NULL,       -- not with it
  node INTEGER,                   -- whose it is
  low INTEGER NOT NULL,           -- all up to here is settled
  high INTEGER NOT NULL,          -- the highest that is settled
  claimed INTEGER NOT NULL,       -- what was handed out is not above
  handed_out INTEGER NOT NULL,
  open TEXT NOT NULL              -- between low and high: what is unsettled, as a JSON array
) STRICT;
CREATE INDEX tidings_cursors_group ON tidings_cursors (group_id);

CREATE TABLE tidings_held (
  group_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  key TEXT,
  due INTEGER,                    -- of what waits for its next attempt
  in_place INTEGER NOT NULL,
  ahead INTEGER NOT NULL,
  redeliveries INTEGER NOT NULL,
  claimed INTEGER NOT NULL,       -- handed out
  headers TEXT,                   -- over those of the message
  PRIMARY KEY (group_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tidings_held_position ON tidings_held (position);

CREATE TABLE tidings_marks (
  group_id INTEGER NOT NULL,
  event TEXT NOT NULL,
  source TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (group_id, event, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE tidings_letters (
  id TEXT NOT NULL UNIQUE,
  place INTEGER PRIMARY KEY,
  group_name TEXT NOT NULL,
  key TEXT,
  letter TEXT NOT NULL,
  body BLOB
) STRICT;
CREATE INDEX tidings_letters_key ON tidings_letters (group_name, key, place);

-- What an aggregator gathers.
CREATE TABLE tidings_aggregations (
  id INTEGER PRIMARY KEY,         -- of one key, the latest one has the highest
  name TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  state TEXT NOT NULL,            -- open, sealed, closed
  reason TEXT,
  opener TEXT NOT NULL,           -- the identity of its first event
  size INTEGER NOT NULL,
  closed_at INTEGER
) STRICT;
CREATE INDEX tidings_aggregations_key ON tidings_aggregations (key);
CREATE INDEX tidings_aggregations_closed ON tidings_aggregations (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE tidings_gathered (
  place INTEGER PRIMARY KEY,
  aggregation INTEGER NOT NULL,
  key TEXT NOT NULL,
  identity TEXT NOT NULL,
  event TEXT                      -- NULL once the aggregation is closed
) STRICT;
CREATE UNIQUE INDEX tidings_gathered_identity ON tidings_gathered (key, identity);
CREATE INDEX tidings_gathered_aggregation ON tidings_gathered (aggregation);

-- The large data of events.
CREATE TABLE tidings_claims (
  key TEXT PRIMARY KEY,
  until INTEGER,                  -- NULL: for ever
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX tidings_claims_until ON tidings_claims (until) WHERE until IS NOT NULL;

CREATE TABLE tidings_nodes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  lock TEXT NOT NULL              -- the end of the name of its lock
) STRICT;

CREATE TABLE tidings_members (
  group_id INTEGER NOT NULL,
  node INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (group_id, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE tidings_state (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tidings_state VALUES ('generation', 0), ('base', 0), ('time', 0);
`,
  `
-- Which event a group of another transport has handled.
CREATE TABLE tidings_inbox (
  group_name TEXT NOT NULL,
  event TEXT NOT NULL,
  source TEXT NOT NULL,
  at INTEGER NOT NULL,            -- milliseconds since 1970
  PRIMARY KEY (group_name, event, source)
) STRICT, WITHOUT ROWID;
`,
]
