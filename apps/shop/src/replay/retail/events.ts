import { defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'
import { rules, type Kind } from './rules.ts'

/** What each line of an invoice tells; `invoice` says what kind of line it is. Money is in mills, exact. */
function lineOf(invoice: z.ZodString) {
  const line = z.object({
    /** The spreadsheet row that it was read from: the header is row 1. */
    row: z.int().min(2),
    invoice,
    stockCode: z.string().min(1),
    /** As written, outer white space included; may be empty. */
    description: z.string(),
    quantity: z.int(),
    unitPriceMills: z.int(),
    /** `quantity` × `unitPriceMills`. */
    amountMills: z.int(),
    /** Digits without leading zeros; null where the row names none. */
    customer: z.string().regex(/^\d+$/).nullable(),
    country: z.string(),
    /** `YYYY-MM-DD HH:MM:SS`, local time of the shop; the file has no offset. */
    invoicedAt: z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    /** The business rules that the line breaks. */
    brokenRules: z.array(z.enum(rules)),
  })
  return line.refine(({ amountMills, quantity, unitPriceMills }) => amountMills === quantity * unitPriceMills, {
    path: ['amountMills'],
    error: 'the amount must be quantity × price',
  })
}

const key = (line: { invoice: string }): string => line.invoice

/** Goods were sold: an invoice of six digits. */
export const SaleRecorded = defineEvent('retail.sale.recorded', {
  schema: lineOf(z.string().regex(/^\d{6}$/)),
  key,
})
export type SaleRecorded = EventOf<typeof SaleRecorded>

/** A sale was taken back: an invoice of `C` and six digits. */
export const CancellationRecorded = defineEvent('retail.cancellation.recorded', {
  schema: lineOf(z.string().regex(/^C\d{6}$/)),
  key,
})
export type CancellationRecorded = EventOf<typeof CancellationRecorded>

/** Anything else that was booked, such as a bad debt. */
export const AdjustmentRecorded = defineEvent('retail.adjustment.recorded', {
  schema: lineOf(z.string().min(1)),
  key,
})
export type AdjustmentRecorded = EventOf<typeof AdjustmentRecorded>

export type RetailEvent = SaleRecorded | CancellationRecorded | AdjustmentRecorded

/** What all three events carry. */
export type InvoiceLine = RetailEvent['data']

/** The events of a replay, for the dispatcher and for patterns such as {@link anyRecorded}. */
export interface RetailEvents {
  'retail.sale.recorded': SaleRecorded
  'retail.cancellation.recorded': CancellationRecorded
  'retail.adjustment.recorded': AdjustmentRecorded
}

/** The definition for each kind of row. */
export const definitions = {
  sale: SaleRecorded,
  cancellation: CancellationRecorded,
  adjustment: AdjustmentRecorded,
} as const satisfies Record<Kind, unknown>

/** Subscribes to all three. */
export const anyRecorded = 'retail.*.recorded'

/**
 * Rows of a file have been taken in: the last event of each commit that takes some in. What is in a store says so how far
 * it has come, and goes on from there.
 */
export const FileRead = defineEvent('retail.file.read', {
  schema: z.object({
    /** The spreadsheet row up to which each well-formed row is in the store. */
    through: z.int().min(2),
    /** Rows that have become events so far. */
    rows: z.int().positive(),
    /** When the earliest of the rows of this commit was invoiced, as `invoicedAt` has it. */
    earliest: z.string(),
    /** SHA-256 (hex) of all those rows: another file is not to go on where this one was. */
    digest: z.string(),
  }),
})
export type FileRead = EventOf<typeof FileRead>

/** All that a store of retail data holds. */
export const archived = [SaleRecorded, CancellationRecorded, AdjustmentRecorded, FileRead] as const
