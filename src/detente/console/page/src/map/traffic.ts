// All flights by their start, so that those in the air at a time are found without looking at every one.

import { Legs } from './legs'
import type { Flight } from './shapes'

export class Traffic {
  /** By start, the earliest first. */
  readonly flights: readonly Flight[]
  readonly ends: Float64Array
  readonly legs: Legs
  /** Which flights are ours, which have no crew, and which have areas: 1 where it is so. */
  readonly ours: Uint8Array
  readonly uncrewed: Uint8Array
  readonly withAreas: Uint8Array
  private readonly starts: Float64Array
  /** The latest end of a flight up to and with this one: it never falls, so that it can be searched. */
  private readonly latest: Float64Array
  private readonly indexOfKey = new Map<string, number>()

  constructor(flights: Flight[], party: string) {
    this.flights = flights.sort((a, b) => a.start - b.start)
    this.starts = Float64Array.from(this.flights, (one) => one.start)
    this.ends = Float64Array.from(this.flights, (one) => one.end)
    this.legs = new Legs(this.flights)
    this.ours = Uint8Array.from(this.flights, (one) => Number(one.party === party))
    this.uncrewed = Uint8Array.from(this.flights, (one) => Number(one.isUncrewed))
    this.withAreas = Uint8Array.from(this.flights, (one) => Number(one.volumes.length > 0))
    this.latest = new Float64Array(this.flights.length)
    let latest = -Infinity
    this.flights.forEach((one, k) => {
      this.latest[k] = latest = Math.max(latest, one.end)
      this.indexOfKey.set(one.key, k)
    })
  }

  indexOf(key: string): number {
    return this.indexOfKey.get(key) ?? -1
  }

  /** Before this index every flight is over at a time. */
  firstNotOver(ms: number): number {
    return lowest(this.latest, ms)
  }

  /** From this index on no flight has begun at a time. */
  firstNotBegun(ms: number): number {
    return lowest(this.starts, ms)
  }
}

/** The start that is nearest to a time; null where there is no flight. */
export function nearestStart(starts: Float64Array, ms: number): number | null {
  const k = lowest(starts, ms)
  const after = starts[k]
  const before = starts[k - 1]
  if (after === undefined || before === undefined) return after ?? before ?? null
  return after - ms < ms - before ? after : before
}

/** The first index of an ascending array whose value is not less than a limit. */
function lowest(values: Float64Array, limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] as number) < limit) low = middle + 1
    else high = middle
  }
  return low
}
