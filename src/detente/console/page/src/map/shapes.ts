// Plans as the map draws them: compiled once for each revision.

import type { Area, Plan, Volume } from '../node/types'
import { metresOf } from '../shown/metres'
import { unitsPerMetre, xOf, yOf } from './mercator'

export interface Flight {
  key: string; party: string; planId: string; isUncrewed: boolean; start: number; end: number
  xs: Float64Array; ys: Float64Array; times: Float64Array; heights: Float64Array
  volumes: AreaShape[]
}
export interface AreaShape {
  xs: Float64Array; ys: Float64Array; start: number; end: number; lowM: number; highM: number
}

const CIRCLE_CORNERS = 48
/** Classes of aircraft without a crew, as parties name them. */
const UNCREWED = ['drone', 'uas', 'uav']

export function flight(party: string, plan: Plan): Flight {
  const common = { key: `${party}/${plan.plan_id}`, party, planId: plan.plan_id, isUncrewed: UNCREWED.includes(plan.aircraft_class ?? '') }
  if (Array.isArray(plan.intent)) {
    const volumes = plan.intent.map(volumeShape)
    const empty = new Float64Array()
    return {
      ...common, xs: empty, ys: empty, times: empty, heights: empty, volumes,
      start: Math.min(...volumes.map((one) => one.start)), end: Math.max(...volumes.map((one) => one.end)),
    }
  }
  const points = plan.intent.waypoints
  const times = Float64Array.from(points, (point) => Date.parse(point.time))
  const xs = Float64Array.from(points, (point) => xOf(point.position.longitude_deg))
  for (let k = 1; k < xs.length; k++) {
    // A leg takes the short way round, over the antimeridian too.
    const step = (xs[k] as number) - (xs[k - 1] as number)
    if (step > 0.5) xs[k] = (xs[k] as number) - 1
    else if (step < -0.5) xs[k] = (xs[k] as number) + 1
  }
  return {
    ...common, xs, times, volumes: [],
    ys: Float64Array.from(points, (point) => yOf(point.position.latitude_deg)),
    heights: Float64Array.from(points, (point) => metresOf(point.altitude)),
    start: times[0] ?? 0, end: times[times.length - 1] ?? 0,
  }
}

export function volumeShape(volume: Volume): AreaShape {
  const [xs, ys] = outline(volume.area)
  return {
    xs, ys, start: Date.parse(volume.time.start), end: Date.parse(volume.time.end),
    lowM: metresOf(volume.altitude.lower), highM: metresOf(volume.altitude.upper),
  }
}

export function outline(area: Area): [Float64Array, Float64Array] {
  if (area.kind === 'polygon') {
    return [
      Float64Array.from(area.vertices, (vertex) => xOf(vertex.longitude_deg)),
      Float64Array.from(area.vertices, (vertex) => yOf(vertex.latitude_deg)),
    ]
  }
  const radius = area.radius_m * unitsPerMetre(area.centre.latitude_deg)
  const corner = (k: number): number => (2 * Math.PI * k) / CIRCLE_CORNERS
  return [
    Float64Array.from({ length: CIRCLE_CORNERS }, (_, k) => xOf(area.centre.longitude_deg) + radius * Math.cos(corner(k))),
    Float64Array.from({ length: CIRCLE_CORNERS }, (_, k) => yOf(area.centre.latitude_deg) + radius * Math.sin(corner(k))),
  ]
}
