// The terms of an accord as rows that people read: what each is about, and its value with its unit. Nothing is left out.

import type { AccordTerms, Band, Position } from '../node/types'
import { band, place } from './figures'
import { fit } from './text'
import { named, word } from './words.svelte'

export type Row = readonly [label: string, value: string]
type Table = Record<string, unknown>

const DM_M = 0.1
const FOOT_M = 0.3048
const MILE_M = 1852
const DAY_S = 86_400
const USUAL: Record<string, string> = {
  area: 'everywhere', phrase_table: 'same_words', 'suspension.posts': 'any_post', 'matching.fine': 'by_first_grid',
  'matching.domain': 'area_of_accord',
}
/** Words that the accord's text chooses from; all other text is a name, and is shown as it is. */
const CHOSEN = new Set(['disclosure', 'level', 'kind', 'horizon', 'grain', 'use', 'keeps', 'altitudes', 'runs', 'told'])

const exact = (value: number, digits: number): string => value.toLocaleString('en-US', { maximumFractionDigits: digits })
/** What both sides signed is whole millimetres: the metres are exact, what stands in brackets is beside them. */
const length = (metres: number): string => `${exact(metres, 3)} m (${exact(metres / MILE_M, 2)} NM)`
const heights = (metres: number): string => `${exact(metres, 3)} m (${exact(metres / FOOT_M, 1)} ft)`

/** "8 h", "2 min 30 s": whole units alone, from days down. */
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s'
  const sign = seconds < 0 ? '−' : ''
  let rest = Math.abs(seconds)
  const parts: string[] = []
  for (const [unit, length_s] of [['d', 86_400], ['h', 3600], ['min', 60]] as const) {
    const whole = Math.floor(rest / length_s)
    if (whole) parts.push(`${whole} ${unit}`)
    rest -= whole * length_s
  }
  if (rest) parts.push(`${rest} s`)
  return sign + parts.join(' ')
}

function figure(name: string, value: number): string {
  if (name.endsWith('_s') || name.endsWith('_seconds')) return duration(value)
  if (name === 'vertical_m' || name === 'block_m') return heights(value)
  if (name.endsWith('_m')) return length(value)
  if (name.endsWith('_dm')) return length(value * DM_M)
  if (name.endsWith('_ft')) return heights(value * FOOT_M)
  if (name.endsWith('_khz')) return value < 30_000 ? `${value} kHz` : `${(value / 1000).toFixed(3)} MHz`
  if (name.endsWith('_millidegrees')) return `${value / 1000}°`
  if (name.endsWith('_deg')) return `${value}°`
  if (name.endsWith('_log2')) return exact(2 ** value, 0)
  return exact(value, 3)
}

/** What holds where the terms say nothing, by the path of the term. */
function usual(path: string): string {
  if (path === 'lead_times.humanitarian_s') return duration(2 * DAY_S)
  if (path === 'lead_times.humanitarian_emergency_s') return duration(DAY_S)
  if (path.startsWith('lead_times.')) return named('value', 'as_every_notice')
  return named('value', USUAL[path] ?? 'not_said')
}

function text(name: string, value: unknown): string {
  if (typeof value === 'number') return figure(name, value)
  if (typeof value === 'boolean') return named('value', String(value))
  if (typeof value === 'string') return CHOSEN.has(name) ? named('value', value) : fit(value, 200)
  if (Array.isArray(value)) {
    if (name === 'posts' && !value.length) return named('value', 'authority_alone')
    return value.length ? value.map((one) => text(name, one)).join(typeof value[0] === 'object' ? '; ' : ', ') : '–'
  }
  const table = value as Table
  if ('latitude_deg' in table) return place(value as Position)
  if ('lower' in table) return band(value as Band)
  if ('vertices' in table) return (table['vertices'] as Position[]).map(place).join('; ')
  return Object.entries(table)
    .filter(([, inner]) => inner !== null)
    .map(([inner, one]) => `${named('term', inner)} \u2068${text(inner, one)}\u2069`)
    .join(', ')
}

/** Lists, places and heights are one row; a table is a row for each thing in it. */
function* rows(path: string, table: Table): Generator<Row> {
  for (const [name, value] of Object.entries(table)) {
    const at = path ? `${path}.${name}` : name
    const isTable = value !== null && typeof value === 'object' && !Array.isArray(value)
    if (isTable && !['latitude_deg', 'lower', 'vertices'].some((part) => part in value)) yield* rows(at, value as Table)
    else yield [named('term', at), value === null || value === '' ? usual(at) : text(name, value)]
  }
}

export function termRows(terms: AccordTerms): Row[] {
  return [
    [named('term', 'minima'), text('minima', terms.minima.default)],
    ...terms.minima.by_class.map((one): Row => [word('term.minima_of', { classes: `${fit(one.first_class, 40)}, ${fit(one.second_class, 40)}` }), text('minima', one.minima)]),
    [named('term', 'disclosure'), text('disclosure', terms.disclosure)],
    ...rows('', terms.provisions),
  ]
}

