import type * as core from 'zod/v4/core'
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts'

/** What `event.data` holds for a schema: its result, deeply readonly. */
export type DataOf<Schema extends StandardSchema> = Immutable<SchemaOutput<Schema>>

/**
 * What `create` takes for a schema: fields with a default may be left out, and where a codec stands, the decoded value
 * (a `Date`, say) is given, not its wire form.
 */
export type InputOf<Schema extends StandardSchema> = Immutable<
  Schema extends core.$ZodType ? CreateInput<Schema> : SchemaInput<Schema>
>

/** What the wire carries for a schema: the encoded side of codecs, and of everything else the schema's input. */
export type WireOf<Schema extends StandardSchema> = SchemaInput<Schema>

/** `T` with every property, array, map and set readonly, as deep as it goes. Built-in classes stay as they are. */
export type Immutable<T> = unknown extends T
  ? T
  : T extends Atomic
    ? T
    : T extends ReadonlyMap<infer Key, infer Value>
      ? ReadonlyMap<Immutable<Key>, Immutable<Value>>
      : T extends ReadonlySet<infer Value>
        ? ReadonlySet<Immutable<Value>>
        : { readonly [Key in keyof T]: Immutable<T[Key]> }

type Primitive = string | number | bigint | boolean | symbol | null | undefined
type Atomic =
  | Primitive
  | Date
  | RegExp
  | Error
  | URL
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ((...args: never) => unknown)

// zod's own input type, except that a codec contributes its decoded side. Objects map over zod's input so that its
// optional keys stay optional.
type CreateInput<Schema> =
  Schema extends core.$ZodObject<infer Shape>
    ? ObjectInput<core.input<Schema>, Shape>
    : Schema extends core.$ZodArray<infer Element>
      ? CreateInput<Element>[]
      : Schema extends core.$ZodCodec<core.$ZodType, infer Decoded>
        ? CreateInput<Decoded>
        : Schema extends core.$ZodTuple<infer Items, infer Rest>
          ? TupleInput<core.input<Schema>, Items, Rest>
          : Schema extends core.$ZodRecord<core.$ZodRecordKey, infer Value>
            ? { [Key in keyof core.input<Schema>]: CreateInput<Value> }
            : Schema extends core.$ZodUnion<infer Options>
              ? CreateInput<Options[number]>
              : Schema extends core.$ZodIntersection<infer Left, infer Right>
                ? CreateInput<Left> & CreateInput<Right>
                : WrapperInput<Schema>

type WrapperInput<Schema> =
  Schema extends core.$ZodNullable<infer Inner>
    ? CreateInput<Inner> | null
    : Schema extends core.$ZodOptional<infer Inner>
      ? CreateInput<Inner> | undefined
      : Schema extends core.$ZodDefault<infer Inner>
        ? CreateInput<Inner> | undefined
        : Schema extends core.$ZodPrefault<infer Inner>
          ? CreateInput<Inner> | undefined
          : Schema extends core.$ZodNonOptional<infer Inner>
            ? Exclude<CreateInput<Inner>, undefined>
            : Schema extends core.$ZodReadonly<infer Inner>
              ? CreateInput<Inner>
              : Schema extends core.$ZodLazy<infer Inner>
                ? CreateInput<Inner>
                : Schema extends core.$ZodMap<infer Key, infer Value>
                  ? Map<CreateInput<Key>, CreateInput<Value>>
                  : Schema extends core.$ZodSet<infer Value>
                    ? Set<CreateInput<Value>>
                    : Schema extends core.$ZodPipe<infer In, infer Out>
                      ? Out extends core.$ZodCodec
                        ? CreateInput<Out>
                        : CreateInput<In>
                      : core.input<Schema>

type ObjectInput<Input, Shape> = {
  [Key in keyof Input]: Key extends keyof Shape ? CreateInput<Shape[Key]> : Input[Key]
}

type TupleInput<Input, Items extends readonly unknown[], Rest> = Input extends readonly unknown[]
  ? { [Index in keyof Input]: Index extends keyof Items ? CreateInput<Items[Index]> : RestInput<Input[Index], Rest> }
  : Input

type RestInput<Input, Rest> = Rest extends core.$ZodType ? CreateInput<Rest> : Input
