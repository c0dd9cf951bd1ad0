// Where each flight is, fast: the leg that it is on is kept, and sought again only when the flight has left it.

import type { Flight } from './shapes'

/** Of each flight in one array, so that one look into memory is enough: a leg's time, its place, its speeds by millisecond. */
const STRIDE = 8
const [FROM, UNTIL, X, Y, HEIGHT, X_SPEED, Y_SPEED, CLIMB] = [0, 1, 2, 3, 4, 5, 6, 7] as const
/** Courses are told apart by so much: full circles are divided by it, from the east on. */
export const COURSES = 64

export class Legs {
  /** What `at` has found: the unit square's x and y, and metres. */
  x = 0
  y = 0
  heightM = 0
  private readonly legs: Float64Array
  private readonly courses: Uint8Array

  constructor(private readonly flights: readonly Flight[]) {
    this.legs = new Float64Array(flights.length * STRIDE)
    this.courses = new Uint8Array(flights.length)
    for (let k = 0; k < flights.length; k++) this.legs[k * STRIDE + UNTIL] = -Infinity
  }

  /** Find where a flight is at a time; false before and after it. */
  at(k: number, ms: number): boolean {
    const { legs } = this
    const base = k * STRIDE
    if (!(ms >= (legs[base + FROM] as number) && ms <= (legs[base + UNTIL] as number)) && !this.seek(k, ms)) return false
    const passed = ms - (legs[base + FROM] as number)
    this.x = (legs[base + X] as number) + (legs[base + X_SPEED] as number) * passed
    this.y = (legs[base + Y] as number) + (legs[base + Y_SPEED] as number) * passed
    this.heightM = (legs[base + HEIGHT] as number) + (legs[base + CLIMB] as number) * passed
    return true
  }

  /** Go on along the leg on which `at` has found a flight, no further than its end. */
  ahead(k: number, ms: number): void {
    const base = k * STRIDE
    const passed = Math.min(ms, this.legs[base + UNTIL] as number) - (this.legs[base + FROM] as number)
    this.x = (this.legs[base + X] as number) + (this.legs[base + X_SPEED] as number) * passed
    this.y = (this.legs[base + Y] as number) + (this.legs[base + Y_SPEED] as number) * passed
  }

  /** The course of the leg on which `at` has found a flight, as one of `COURSES`. */
  course(k: number): number {
    return this.courses[k] as number
  }

  private seek(k: number, ms: number): boolean {
    const { times, xs, ys, heights } = this.flights[k] as Flight
    const last = times.length - 1
    if (last < 0 || ms < (times[0] as number) || ms > (times[last] as number)) return false
    let low = 0
    let high = last
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((times[middle] as number) <= ms) low = middle
      else high = middle
    }
    const { legs } = this
    const base = k * STRIDE
    const dx = (xs[high] as number) - (xs[low] as number)
    const dy = (ys[high] as number) - (ys[low] as number)
    const took = Math.max((times[high] as number) - (times[low] as number), 1)
    legs[base + FROM] = times[low] as number
    legs[base + UNTIL] = times[high] as number
    legs[base + X] = xs[low] as number
    legs[base + Y] = ys[low] as number
    legs[base + HEIGHT] = heights[low] as number
    legs[base + X_SPEED] = dx / took
    legs[base + Y_SPEED] = dy / took
    legs[base + CLIMB] = ((heights[high] as number) - (heights[low] as number)) / took
    this.courses[k] = (Math.round((Math.atan2(dy, dx) / (2 * Math.PI)) * COURSES) + COURSES) % COURSES
    return true
  }
}
