// Plans on their way to the worker that draws them: a few large arrays, which are handed over instead of copied.

import type { PlanRecord } from '../node/types'
import { type AreaShape, type Flight, flight } from './shapes'

export interface Packed {
  parties: string[]; planIds: string[]; starts: Float64Array; ends: Float64Array; uncrewed: Uint8Array
  /** Where the points of each flight begin in the four arrays after it, and where the last one's end. */
  firsts: Uint32Array; xs: Float64Array; ys: Float64Array; times: Float64Array; heights: Float64Array
  /** The areas of those that have any, by their index. */
  areas: Map<number, AreaShape[]>
}

export function pack(records: PlanRecord[]): Packed {
  const flights = records.map((record) => flight(record.party, record.plan))
  const firsts = new Uint32Array(flights.length + 1)
  flights.forEach((one, k) => (firsts[k + 1] = (firsts[k] as number) + one.xs.length))
  const points = firsts[flights.length] as number
  const packed: Packed = {
    parties: flights.map((one) => one.party), planIds: flights.map((one) => one.planId), firsts,
    uncrewed: Uint8Array.from(flights, (one) => Number(one.isUncrewed)), starts: Float64Array.from(flights, (one) => one.start), ends: Float64Array.from(flights, (one) => one.end),
    xs: new Float64Array(points), ys: new Float64Array(points), times: new Float64Array(points), heights: new Float64Array(points), areas: new Map(),
  }
  flights.forEach((one, k) => {
    for (const name of ['xs', 'ys', 'times', 'heights'] as const) packed[name].set(one[name], firsts[k])
    if (one.volumes.length) packed.areas.set(k, one.volumes)
  })
  return packed
}

/** What of it is handed over. */
export function buffersOf({ starts, ends, uncrewed, firsts, xs, ys, times, heights }: Packed): ArrayBuffer[] {
  return [starts, ends, uncrewed, firsts, xs, ys, times, heights].map((one) => one.buffer as ArrayBuffer)
}

export function unpack(packed: Packed): Flight[] {
  return packed.parties.map((party, k) => {
    const planId = packed.planIds[k] as string
    const part = (values: Float64Array): Float64Array => values.subarray(packed.firsts[k], packed.firsts[k + 1])
    return {
      key: `${party}/${planId}`, party, planId, isUncrewed: packed.uncrewed[k] === 1, start: packed.starts[k] as number, end: packed.ends[k] as number,
      xs: part(packed.xs), ys: part(packed.ys), times: part(packed.times), heights: part(packed.heights), volumes: packed.areas.get(k) ?? [],
    }
  })
}
