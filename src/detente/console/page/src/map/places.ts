// Cities, and airports by their location indicator: the greater ones first, no name over another.

import type { BaseColours } from './base'
import { type View, xOf, yOf } from './mercator'
import { Taken } from './taken'

/** `rank` is 0 for a city, 1 to 3 for an airport, the largest 1. */
export interface Place { name: string; x: number; y: number; rank: number }

/** From which scale on, in pixels for the whole world, a rank is named. */
const SCALES = [6_000, 6_000, 16_000, 60_000]
const EDGE_PX = 100

/** The greatest first: large airports, cities, then what is smaller. */
export async function places(): Promise<Place[]> {
  const url = `${import.meta.env.BASE_URL}places.tsv`
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`)
  const rows = (await response.text()).trimEnd().split('\n').slice(1).map((row) => row.split('\t'))
  return rows
    .map(([code = '', name = '', latitude, longitude, rank]) => ({ name: `${code} ${name}`.trim(), x: xOf(Number(longitude)), y: yOf(Number(latitude)), rank: Number(rank) }))
    .sort((a, b) => Math.abs(a.rank - 0.9) - Math.abs(b.rank - 0.9))
}

const taken = new Taken()

export function drawPlaces(context: OffscreenCanvasRenderingContext2D, view: View, all: readonly Place[], colours: BaseColours): void {
  context.font = '11px B612, sans-serif'
  context.textAlign = 'left'
  context.lineWidth = 1
  context.strokeStyle = context.fillStyle = colours.name
  taken.begin(view.width, view.height)
  for (const { name, x: worldX, y: worldY, rank } of all) {
    if (view.scale < (SCALES[rank] ?? Infinity)) continue
    const x = view.toScreenX(worldX)
    const y = view.toScreenY(worldY)
    if (x < 0 || y < 0 || x > view.width - EDGE_PX || y > view.height || !taken.claim(x, y)) continue
    context.beginPath()
    if (rank) {
      // An airport: a ring with its runway.
      context.arc(x, y, 3.5, 0, 2 * Math.PI)
      context.moveTo(x - 6, y + 3)
      context.lineTo(x + 6, y - 3)
    } else context.rect(x - 1.5, y - 1.5, 3, 3)
    context.stroke()
    context.fillText(name, x + 9, y - 4)
  }
}
