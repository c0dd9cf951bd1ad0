// Alerts as people read them: a sentence that says why, the time left, the cheapest way out, and the message to the other side.

import type { AlertMark } from '../map/alert_marks'
import type { AlertView, TrackOfAlert, WayOut } from '../node/types'
import { watch } from '../node/watch.svelte'
import { distance, metresAndFeet } from './figures'
import { FOOT_M } from './metres'
import { settings } from './settings.svelte'
import { fit, isolated } from './text'
import { span, toInput } from './time'
import { named, word } from './words.svelte'

/** The figures of a message that a person is about to write, by the names of its parameters. */
export type Filled = Record<string, { latitude?: string; longitude?: string; value?: string; unit?: 'm' | 'ft'; reference?: string; time?: string; text?: string }>

const LONGEST_NAME = 30
const KNOT_MPS = 1852 / 3600
const ANSWER_MS = 120_000

export const LEVEL_SIGNS = { preventive: '◯!', corrective: '△!!', warning: '▲!!!' } as const

/** What people call an aircraft: its callsign, else what its feeds name it by. */
export const trackName = (track: Pick<TrackOfAlert, 'track_id' | 'callsign' | 'addresses' | 'identities'>): string =>
  fit(track.callsign || track.addresses?.[0] || track.identities?.[0] || track.track_id, LONGEST_NAME)

function nameAt(view: AlertView, k: number): string {
  const id = view.alert.tracks?.[k]
  const track = view.tracks.find((one) => one.track_id === id)
  return isolated(track ? trackName(track) : fit(id ?? '–', LONGEST_NAME))
}

/** Seconds until it is so; null where it has no such time. */
export const secondsLeft = (view: AlertView, nowMs: number): number | null =>
  view.alert.due_s === undefined ? null : view.alert.due_s - (nowMs + watch.aheadMs) / 1000

export function timeLeft(view: AlertView, nowMs: number): string {
  const left = secondsLeft(view, nowMs)
  return left === null ? '' : left > 0 ? span(left) : word('conflicts.now')
}

/** One sentence that says why; the node's own word where it has a reason that this page does not know. */
export function sentence(view: AlertView): string {
  const { reason, figures = {}, subject = '' } = view.alert
  const number = (name: string): number | undefined => (typeof figures[name] === 'number' ? figures[name] : undefined)
  const text = (name: string): string => isolated(fit(String(figures[name] ?? subject), LONGEST_NAME))
  /** "4.2 NM · 7.7 km / 400 ft · 122 m", as far as it is known. */
  const apart = (of: string): string => {
    const [aside, above] = [number(`${of}_distance_m`), number(`${of}_height_m`)]
    return [aside === undefined ? '' : distance(aside), above === undefined ? '' : metresAndFeet(above)].filter(Boolean).join(' / ') || '–'
  }
  return named('reason', reason, {
    first: nameAt(view, 0), second: nameAt(view, 1), closest: apart('closest'), now: apart('now'), minimum: apart('minimum'), away: apart('away'),
    buffer: apart('buffer'), plan: text('plan'), area: areaName(String(figures['area'] ?? '')), boundary: text('boundary'), feed: text('feed'), notice: isolated(fit(subject, LONGEST_NAME)),
    meaning: named('meaning', String(figures['meaning'] ?? '')), silent: span(number('silent_s') ?? number('expected_s') ?? 0), count: number('count') ?? 0, of: number('of_count') ?? 0,
  })
}

/** An area is named by whose it is, its name, and for a zone which version of it: the first two say which one it is. */
const areaName = (area: string): string => isolated(fit(area.split(':').slice(0, 2).join(' '), LONGEST_NAME))

/** The height of one of its two aircraft, in both units; empty where it is not known. */
export function heightOf(view: AlertView, which: 'first' | 'second'): string {
  const { figures = {} } = view.alert
  const [pressure, geometric] = [figures[`${which}_altitude_m`], figures[`${which}_ellipsoid_m`]]
  if (typeof pressure === 'number') return `${metresAndFeet(pressure)} STD`
  return typeof geometric === 'number' ? `${metresAndFeet(geometric)} WGS84` : ''
}

export function wayOut(view: AlertView, way: WayOut): string {
  const who = nameAt(view, view.alert.tracks?.indexOf(way.track_id) ?? 0)
  if (way.turn_deg) return word(way.turn_deg < 0 ? 'way.left' : 'way.right', { who, degrees: Math.abs(Math.round(way.turn_deg)) })
  if (way.climb_m) return word(way.climb_m < 0 ? 'way.descend' : 'way.climb', { who, height: metresAndFeet(Math.abs(way.climb_m)) })
  const speed = Math.abs(way.speed_mps ?? 0)
  return word((way.speed_mps ?? 0) < 0 ? 'way.slower' : 'way.faster', { who, speed: `${Math.round(speed / KNOT_MPS)} kt · ${Math.round(speed * 3.6)} km/h` })
}

export function alertMark(view: AlertView, nowMs: number): AlertMark {
  const { key, level, tracks = [], place } = view.alert
  const seen = (id: string): AlertMark['place'] => view.tracks.find((one) => one.track_id === id) ?? null
  const left = secondsLeft(view, nowMs)
  const isAhead = left !== null && left > 0
  return {
    key, level, text: `${named('alert_level', level)}${isAhead ? ` ${span(left)}` : ''}`,
    tracks: tracks.map((id) => ({ id, seen: position(seen(id)) })), place: isAhead || !tracks.length ? position(place ?? null) : null,
  }
}

const position = (of: AlertMark['place']): AlertMark['place'] => of && { latitude_deg: of.latitude_deg, longitude_deg: of.longitude_deg }

/** Where an aircraft is, as the parameters of a message have it. */
export function filledFrom(track: TrackOfAlert | undefined, nowMs: number): Filled {
  if (!track) return {}
  const metres = track.pressure_altitude_m ?? track.geometric_altitude_m
  const reference = track.pressure_altitude_m === undefined ? 'ellipsoid' : 'standard'
  const value = metres === undefined ? undefined : String(Math.round(settings.metresFirst ? metres : metres / FOOT_M))
  return {
    where: { latitude: track.latitude_deg.toFixed(5), longitude: track.longitude_deg.toFixed(5) },
    ...(value === undefined ? {} : { height: { value, unit: settings.metresFirst ? 'm' : 'ft', reference } }),
    when: { time: toInput(nowMs) }, answer_by: { time: toInput(nowMs + ANSWER_MS) },
  }
}

/** The message to the other side that an alert leads to, with its figures; null where none fits. */
export function messageOf(view: AlertView, nowMs: number): { code: string; filled: Filled } | null {
  const { kind, tracks = [], sides = [], subject = '' } = view.alert
  const first = view.tracks.find((one) => one.track_id === tracks[0])
  switch (kind) {
    case 'separation': case 'well_clear': return { code: 'aircraft_near_you', filled: filledFrom(first, nowMs) }
    case 'own_deviation': return { code: 'outside_plan', filled: { reference: { text: subject } } }
    case 'undeclared': case 'their_deviation': return { code: 'whose_aircraft', filled: filledFrom(first, nowMs) }
    case 'track_lost': return sides[0] === 'ours' ? { code: 'lost_contact', filled: filledFrom(first, nowMs) } : null
    default: return null
  }
}
