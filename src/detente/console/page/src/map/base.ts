// The base map: coastlines and borders of Natural Earth, carried with the page.

import { feature, mesh } from 'topojson-client'
import type { GeometryCollection, Topology } from 'topojson-specification'
import type { Feature, MultiLineString, MultiPolygon, Polygon, Position as Point } from 'geojson'
import url from 'world-atlas/countries-50m.json?url'
import { type Line, trace } from './lines'
import { type View, xOf, yOf } from './mercator'
import { type Boundary, drawBoundaries } from './boundaries'
import { drawPlaces, type Place } from './places'

interface Label { name: string; x: number; y: number; width: number }
export interface BaseMap { land: Line[]; borders: Line[]; labels: Label[] }

/** Load it a piece at a time: frames are drawn in between. */
export async function baseMap(): Promise<BaseMap> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`the base map: HTTP ${response.status}`)
  const topology = (await response.json()) as Topology<{ countries: GeometryCollection<{ name: string }> }>
  const map: BaseMap = { land: [], borders: [], labels: [] }
  for (const geometry of topology.objects.countries.geometries) {
    const country = feature(topology, geometry) as Feature<Polygon | MultiPolygon, { name: string }>
    map.land.push(...rings(country.geometry).map(line))
    map.labels.push(label(country))
    if (map.labels.length % 10 === 0) await pause()
  }
  const inner = mesh(topology, topology.objects.countries, (a, b) => a !== b) as MultiLineString
  map.borders = inner.coordinates.map(line)
  return map
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

function rings(geometry: Polygon | MultiPolygon): Point[][] {
  return geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat()
}

function line(points: Point[]): Line {
  const xs = Float64Array.from(points, (point) => xOf(point[0] ?? 0))
  const ys = Float64Array.from(points, (point) => yOf(point[1] ?? 0))
  return { xs, ys, minX: Math.min(...xs), maxX: Math.max(...xs), minY: Math.min(...ys), maxY: Math.max(...ys) }
}

function label(country: Feature<Polygon | MultiPolygon, { name: string }>): Label {
  const outer = country.geometry.type === 'Polygon' ? [country.geometry.coordinates] : country.geometry.coordinates
  const boxes = outer.map((polygon) => line(polygon[0] ?? []))
  const largest = boxes.reduce((a, b) => ((b.maxX - b.minX) * (b.maxY - b.minY) > (a.maxX - a.minX) * (a.maxY - a.minY) ? b : a))
  return {
    name: country.properties.name,
    x: (largest.minX + largest.maxX) / 2,
    y: (largest.minY + largest.maxY) / 2,
    width: largest.maxX - largest.minX,
  }
}

export interface BaseColours { sea: string; land: string; border: string; name: string; grid: string }

/** Draw the ground; returns the names of the boundaries that are written on it. */
export function drawBase(
  context: OffscreenCanvasRenderingContext2D, view: View, map: BaseMap | null, names: readonly Place[], boundaries: readonly Boundary[],
  colours: BaseColours,
): string[] {
  context.fillStyle = colours.sea
  context.fillRect(0, 0, view.width, view.height)
  if (map) {
    context.fillStyle = colours.land
    context.beginPath()
    for (const ring of map.land) trace(context, view, ring, true)
    context.fill('evenodd')
    context.strokeStyle = colours.border
    context.lineWidth = 1
    context.beginPath()
    for (const border of map.borders) trace(context, view, border, false)
    context.stroke()
  }
  grid(context, view, colours)
  const named = drawBoundaries(context, view, boundaries, colours.name)
  if (map) {
    context.fillStyle = colours.name
    context.textAlign = 'center'
    context.font = '13px B612, sans-serif'
    for (const { name, x, y, width } of map.labels) {
      if (width * view.scale > 70) context.fillText(name.toUpperCase(), view.toScreenX(x), view.toScreenY(y))
    }
  }
  drawPlaces(context, view, names, colours)
  return named
}

const STEPS_DEG = [30, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05]

function grid(context: OffscreenCanvasRenderingContext2D, view: View, colours: BaseColours): void {
  const across = (view.width / view.scale) * 360
  const step = STEPS_DEG.findLast((one) => across / one < 12) ?? 30
  const low = view.positionAt(0, view.height)
  const high = view.positionAt(0, 0)
  const west = (view.x - view.width / 2 / view.scale) * 360 - 180
  context.strokeStyle = colours.grid
  context.fillStyle = colours.name
  context.lineWidth = 0.5
  context.font = '10px "B612 Mono", monospace'
  context.beginPath()
  context.textAlign = 'left'
  for (let lat = Math.ceil(low.latitude_deg / step) * step; lat < high.latitude_deg; lat += step) {
    const y = view.toScreenY(yOf(lat))
    context.moveTo(0, y)
    context.lineTo(view.width, y)
    context.fillText(degrees(lat, 'N', 'S'), 4, y - 3)
  }
  for (let lon = Math.ceil(west / step) * step; lon < west + across; lon += step) {
    const x = ((lon + 180) / 360 - view.x) * view.scale + view.width / 2
    context.moveTo(x, 0)
    context.lineTo(x, view.height)
    context.fillText(degrees(((lon + 540) % 360) - 180, 'E', 'W'), x + 3, 12)
  }
  context.stroke()
}

function degrees(value: number, positive: string, negative: string): string {
  return `${Math.abs(Math.round(value * 100) / 100)}°${value < 0 ? negative : value > 0 ? positive : ''}`
}
