import { headerSpellings } from './input/header.ts'

/** How a replay ends. */
export const exitCodes = {
  /** The whole file was read and every row accepted. */
  complete: 0,
  /** The file could not be opened or not be read to its end. */
  failed: 1,
  /** The command line was wrong; nothing was read. */
  usage: 2,
  /** The whole file was read; some rows were rejected. */
  rejected: 3,
  /** Ctrl-C (SIGINT): 128 + 2. */
  interrupted: 130,
  /** SIGTERM: 128 + 15. */
  terminated: 143,
} as const

export const synopsis = 'Usage: demo replay FILE [--data DIR] [--json] [--show-rejects N|all]'

export const usage = `${synopsis}

Reads a retail CSV file, plain or gzip, as validated events through the shop: each well-formed row becomes a sale, a
cancellation or an adjustment, flagged with the business rules that it breaks. Malformed rows are rejected, each with
its file, row, column and value; the others go on.

  FILE                  UTF-8, comma-separated, LF or CRLF, columns in any order under one of these headers:
                        ${headerSpellings[0]}
                        ${headerSpellings[1]}
                        dates as 2011-01-31 16:59 or 1/31/2011 16:59 (with slashes the month comes first); seconds
                        are optional
  --data DIR            keep the events in DIR, an event store in one file; started again, it goes on where it was,
                        and nothing is in it twice. demo report --data DIR answers from it
  --json                print one JSON object on standard output instead of tables
  --show-rejects N|all  how many rejected rows to list on standard error; default 20 (all are counted)
  --help                show this text

Rows are counted as a spreadsheet does: the header is row 1. Progress and rejected rows go to standard error.
NO_COLOR and FORCE_COLOR are respected.

Exit codes
    0  the whole file was read and every row accepted
    1  the file could not be opened, or not be read to its end, or DIR not be written; what was read is summarised
    2  wrong usage; nothing was read
    3  the whole file was read, and some rows were rejected
  130  stopped by Ctrl-C (SIGINT); what was read is summarised. A second Ctrl-C ends at once
  143  stopped by SIGTERM, likewise
`

export const reportSynopsis = 'Usage: demo report --data DIR [--as-of DATE] [--json]'

export const reportUsage = `${reportSynopsis}

Answers from the retail data in DIR, which demo replay FILE --data DIR has filled: totals by country, month and product,
and the business rules that rows break.

  --data DIR    where the data are
  --as-of DATE  what was invoiced up to then, as if asked at the end of it: 2011-01 (a month), 2011-01-31 (a day) or
                "2011-01-31 16:59"; default all
  --json        print one JSON object instead of tables
  --help        show this text

Exit codes
    0  fine
    1  there is no such data, or they cannot be read
    2  wrong usage
`
