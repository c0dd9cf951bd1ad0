// The figures of a coded message: typed by people, each with its unit and reference, and sent as the node takes them.

import type { Position } from '../node/types'
import { settings } from '../shown/settings.svelte'
import { fromInput } from '../shown/time'

export interface Draft {
  latitude: string; longitude: string
  value: string; upper: string; unit: 'm' | 'ft' | 'FL'; reference: string; pressure: string; elevation: string
  time: string; end: string
  length: string; lengthUnit: 'm' | 'km' | 'NM'
  text: string
}

export function emptyDraft(time: string): Draft {
  return {
    latitude: '', longitude: '', value: '', upper: '', unit: settings.metresFirst ? 'm' : 'ft', reference: 'mean_sea_level', pressure: '', elevation: '',
    time, end: time, length: '', lengthUnit: settings.metresFirst ? 'km' : 'NM', text: '',
  }
}

export function setPlace(draft: Draft, position: Position): void {
  draft.latitude = position.latitude_deg.toFixed(5)
  draft.longitude = position.longitude_deg.toFixed(5)
}

const number = (text: string): number => (text.trim() === '' ? NaN : Number(text.replace(',', '.')))

function reference(draft: Draft): object {
  switch (draft.reference) {
    case 'qnh': return { kind: 'qnh', pressure_hpa: number(draft.pressure) }
    case 'qfe': return { kind: 'qfe', pressure_hpa: number(draft.pressure), field_elevation_m: number(draft.elevation) }
    case 'ground': return { kind: 'ground', elevation_m: number(draft.elevation) }
    default: return { kind: draft.unit === 'FL' ? 'standard' : draft.reference }
  }
}

export const altitude = (draft: Draft, value: string): object => ({ value: number(value), unit: draft.unit, reference: reference(draft) })
const iso = (value: string): string => new Date(fromInput(value)).toISOString()

/** The value of a parameter of this kind; null when it is not filled in. */
export function valueOf(kind: string, draft: Draft): object | null {
  try {
    const value = build(kind, draft)
    return value && JSON.stringify(value).includes('null') ? null : value
  } catch {
    return null // a time that is not one
  }
}

function build(kind: string, draft: Draft): object | null {
  switch (kind) {
    case 'place': return { kind, position: { latitude_deg: number(draft.latitude), longitude_deg: number(draft.longitude) } }
    case 'height': return { kind, altitude: altitude(draft, draft.value) }
    case 'block': return { kind, band: { lower: altitude(draft, draft.value), upper: altitude(draft, draft.upper) } }
    case 'moment': return { kind, time: iso(draft.time) }
    case 'window': return { kind, window: { start: iso(draft.time), end: iso(draft.end) } }
    case 'length': return { kind, value: number(draft.length), unit: draft.lengthUnit }
    case 'bearing': return { kind, degrees: number(draft.value) }
    case 'frequency': return { kind, kilohertz: Math.round(number(draft.value) * 1000) }
    case 'duration': return { kind, seconds: number(draft.value) }
    case 'reference': return draft.text.trim() ? { kind, text: draft.text.trim() } : null
    case 'language': return { kind, language: draft.text || 'en' }
    default: return null
  }
}
