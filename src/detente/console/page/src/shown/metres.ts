// Heights in metres, for the page and for the worker that draws the map, which has no settings.

import type { Altitude } from '../node/types'

export const FOOT_M = 0.3048

export function metresOf(altitude: Altitude): number {
  if (altitude.unit === 'm') return altitude.value
  return altitude.value * FOOT_M * (altitude.unit === 'FL' ? 100 : 1)
}
