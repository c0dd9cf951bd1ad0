// Heights, distances and places in both sides' units, each height with its reference.

import type { Altitude, Band, Position, Reference } from '../node/types'
import { FOOT_M, metresOf } from './metres'
import { settings } from './settings.svelte'

const MILE_M = 1852
const LOWEST_FLIGHT_LEVEL_FT = 10_000

const grouped = (value: number): string => Math.round(value).toLocaleString('en-US').replace('-', '−')

export function referenceName(reference: Reference): string {
  switch (reference.kind) {
    case 'standard': return 'STD'
    case 'mean_sea_level': return 'MSL'
    case 'ellipsoid': return 'WGS84'
    case 'qnh': return `QNH ${reference.pressure_hpa}`
    case 'qfe': return `QFE ${reference.pressure_hpa}`
    case 'ground': return 'AGL'
    default: return reference.kind
  }
}

const both = (feet: string, metres: string): string => (settings.metresFirst ? `${metres} · ${feet}` : `${feet} · ${metres}`)

/** "FL240 · 7,315 m STD"; below 10,000 ft "9,500 ft · 2,896 m STD". */
export function height(altitude: Altitude): string {
  const metres = metresOf(altitude)
  const feet = metres / FOOT_M
  const level = altitude.reference.kind === 'standard' && feet >= LOWEST_FLIGHT_LEVEL_FT
  const first = level ? `FL${Math.round(feet / 100)}` : `${grouped(feet)} ft`
  return `${both(first, `${grouped(metres)} m`)} ${referenceName(altitude.reference)}`
}

export const band = (value: Band): string => `${height(value.lower)} – ${height(value.upper)}`
export const metresAndFeet = (metres: number): string => both(`${grouped(metres / FOOT_M)} ft`, `${grouped(metres)} m`)

/** Rounded down, so that 4.996 NM does not read as the 5 NM that it broke. */
export function distance(metres: number): string {
  const down = (value: number): string => (Math.floor(value * 10) / 10).toFixed(1)
  return metres < 1000 ? `${grouped(Math.floor(metres))} m` : both(`${down(metres / MILE_M)} NM`, `${down(metres / 1000)} km`)
}

export function place(position: Position): string {
  const degrees = (value: number, positive: string, negative: string, digits: number): string => {
    const whole = Math.floor(Math.abs(value))
    const minutes = (Math.abs(value) - whole) * 60
    const rounded = minutes.toFixed(2).padStart(5, '0')
    return `${String(whole).padStart(digits, '0')}°${rounded}′${value < 0 ? negative : positive}`
  }
  return `${degrees(position.latitude_deg, 'N', 'S', 2)} ${degrees(position.longitude_deg, 'E', 'W', 3)}`
}
