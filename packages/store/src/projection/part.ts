import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import { laneOf } from '../subscription/lanes.ts'
import type { Projection } from './projection.ts'

/** One of so many parts of the streams: each stream is in one of them, always the same. */
export interface ProjectionPart {
  /** From 0 on. */
  readonly index: number
  readonly of: number
}

/** @throws TidingsError `INVALID_ARGUMENT` */
export function checkedPart(part: ProjectionPart): ProjectionPart {
  knownOptions(part, ['index', 'of'], 'part')
  whole(part.of, 1, 'part.of')
  if (whole(part.index, 0, 'part.index') < part.of) return part
  throw invalidArgument('part.index', `less than ${part.of}, the number of parts`, part.index, 'The first one is 0.')
}

export function isIn({ index, of }: ProjectionPart, stream: string): boolean {
  return laneOf(stream, of) === index
}

/** Which build of a version is served, and which one is made. */
export interface Builds {
  readonly serving: number | undefined
  readonly building: number | undefined
}

/** The record of the builds of a version, or of a part of it. */
export function buildsKey({ name, version = 1 }: Projection, part: ProjectionPart | undefined): string {
  const whole = `projection/${JSON.stringify(name)}/${version}`
  return part === undefined ? whole : `${whole}/part/${part.index}of${part.of}`
}

/** What the keys of all records of a build begin with. */
export function buildPrefix(projection: Projection, part: ProjectionPart | undefined, build: number): string {
  return `${buildsKey(projection, part)}/${build}`
}
