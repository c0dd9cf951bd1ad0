// The live picture in the worker that draws it: what the node says flies, as arrays; read anew once a second.

import type { LiveTrack, Side } from '../node/types'
import { unitsPerMetre, xOf, yOf } from './mercator'

export const SIDES: readonly Side[] = ['ours', 'theirs', 'unknown']
export interface TrackTable { at_s: number; columns: string[]; tracks: unknown[][]; left_out: number }
/** What the page is told of a picture: when the node made it, how many are of each side, and those that it asked about. */
export interface LiveNews {
  atS: number; counts: Record<Side, number>; leftOut: number; followed: LiveTrack[]
  /** Those that a person looks for by a text, as many as fit on a page, and how many there are. */
  found: LiveTrack[]; foundInAll: number
  /** The box around all of them in the unit square, west to east, north to south. */
  box: [number, number, number, number] | null
}

/** A picture that is older is not shown at all. */
const GONE_MS = 60_000
const LEADER_S = 60
const MOST_FOUND = 40
const NEEDED = [
  'track_id', 'age_s', 'latitude_deg', 'longitude_deg', 'horizontal_error_m', 'pressure_altitude_m', 'geometric_altitude_m',
  'ground_speed_mps', 'track_deg', 'vertical_speed_mps', 'side', 'callsign', 'addresses', 'identities', 'on_ground', 'doubts',
] as const

export class LiveTracks {
  count = 0
  /** In the unit square: the place, the way of the next minute, and the radius of the error. */
  xs = new Float64Array(0)
  ys = new Float64Array(0)
  aheadXs = new Float64Array(0)
  aheadYs = new Float64Array(0)
  errors = new Float64Array(0)
  /** Seconds since its position was heard, at the time of the picture. */
  ages = new Float32Array(0)
  /** Whose it is, by its place in `SIDES`, and 1 where it is doubted. */
  sides = new Uint8Array(0)
  doubted = new Uint8Array(0)
  private rows: unknown[][] = []
  private columns: string[] = []
  private readonly columnOf = new Map<string, number>()
  private readonly indexOfId = new Map<string, number>()
  private cameMs = -Infinity

  /** Take in another picture; throws where it has not what is drawn. */
  take(table: TrackTable, nowMs: number): void {
    this.columnOf.clear()
    table.columns.forEach((name, k) => this.columnOf.set(name, k))
    const missing = NEEDED.filter((name) => !this.columnOf.has(name))
    if (missing.length) throw new Error(`tracks without ${missing.join(', ')}`)
    this.columns = table.columns
    this.rows = table.tracks
    this.cameMs = nowMs
    this.grow(table.tracks.length)
    this.indexOfId.clear()
    const [id, latitude, longitude, error, age, speed, course, side, doubts] = (
      ['track_id', 'latitude_deg', 'longitude_deg', 'horizontal_error_m', 'age_s', 'ground_speed_mps', 'track_deg', 'side', 'doubts'] as const
    ).map((name) => this.columnOf.get(name) as number) as [number, number, number, number, number, number, number, number, number]
    for (let k = 0; k < this.count; k++) {
      const row = table.tracks[k] as unknown[]
      const north = row[latitude] as number
      const units = unitsPerMetre(north)
      const way = (row[speed] as number) * LEADER_S * units
      const turn = ((row[course] as number) * Math.PI) / 180
      this.xs[k] = xOf(row[longitude] as number)
      this.ys[k] = yOf(north)
      this.aheadXs[k] = way * Math.sin(turn)
      this.aheadYs[k] = -way * Math.cos(turn)
      this.errors[k] = (row[error] as number) * units
      this.ages[k] = row[age] as number
      this.sides[k] = sideOf(row[side] as Side)
      this.doubted[k] = Number((row[doubts] as unknown[]).length > 0)
      this.indexOfId.set(row[id] as string, k)
    }
  }

  /** Nothing of what is here any more is shown: it is too old. */
  isGone(nowMs: number): boolean {
    return nowMs - this.cameMs > GONE_MS
  }

  /** Seconds since the position of a track was heard. What the node says no more grows older all the same. */
  ageS(k: number, nowMs: number): number {
    return (this.ages[k] as number) + Math.max(nowMs - this.cameMs, 0) / 1000
  }

  idOf(k: number): string {
    return this.value<string>(k, 'track_id')
  }

  indexOf(id: string): number {
    return this.indexOfId.get(id) ?? -1
  }

  /** What people call it: its callsign, else what its feeds name it by. */
  nameOf(k: number): string {
    return this.value<string>(k, 'callsign') || this.value<string[]>(k, 'addresses')[0] || this.value<string[]>(k, 'identities')[0] || this.idOf(k)
  }

  value<T>(k: number, name: (typeof NEEDED)[number]): T {
    return this.rows[k]?.[this.columnOf.get(name) as number] as T
  }

  /** `search`: the text of whoever looks for tracks; null while nobody does. */
  news(atS: number, leftOut: number, followed: readonly string[], search: string | null): LiveNews {
    const counts = { ours: 0, theirs: 0, unknown: 0 }
    let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity]
    for (let k = 0; k < this.count; k++) {
      counts[SIDES[this.sides[k] as number] as Side]++
      west = Math.min(west, this.xs[k] as number)
      east = Math.max(east, this.xs[k] as number)
      north = Math.min(north, this.ys[k] as number)
      south = Math.max(south, this.ys[k] as number)
    }
    const found = search === null ? [] : this.withText(search.trim().toLowerCase())
    return {
      atS, counts, leftOut, followed: followed.map((id) => this.indexOf(id)).filter((k) => k >= 0).map((k) => this.row(k)),
      found: found.slice(0, MOST_FOUND).map((k) => this.row(k)), foundInAll: found.length,
      box: this.count ? [west, north, east, south] : null,
    }
  }

  /** Ours first, then theirs, then nobody's. */
  private withText(text: string): number[] {
    const found: number[] = []
    for (let k = 0; k < this.count; k++) {
      const names = [this.value<string>(k, 'callsign'), ...this.value<string[]>(k, 'addresses'), ...this.value<string[]>(k, 'identities')]
      if (!text || names.some((name) => name.toLowerCase().includes(text))) found.push(k)
    }
    return found.sort((a, b) => (this.sides[a] as number) - (this.sides[b] as number) || a - b)
  }

  private row(k: number): LiveTrack {
    return Object.fromEntries(this.columns.map((name, column) => [name, this.rows[k]?.[column]])) as unknown as LiveTrack
  }

  private grow(count: number): void {
    this.count = count
    if (this.xs.length >= count) return
    const size = Math.ceil(count * 1.2)
    this.xs = new Float64Array(size)
    this.ys = new Float64Array(size)
    this.aheadXs = new Float64Array(size)
    this.aheadYs = new Float64Array(size)
    this.errors = new Float64Array(size)
    this.ages = new Float32Array(size)
    this.sides = new Uint8Array(size)
    this.doubted = new Uint8Array(size)
  }
}

/** A side that is not known here is nobody's that we know. */
function sideOf(side: Side): number {
  const at = SIDES.indexOf(side)
  return at < 0 ? SIDES.indexOf('unknown') : at
}
