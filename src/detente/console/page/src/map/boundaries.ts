// Boundaries that the party has loaded for its map: dashed lines, each with its name where it is seen.

import type { GivenLine } from '../node/types'
import { fit } from '../shown/text'
import { type Line, trace } from './lines'
import { type View, xOf, yOf } from './mercator'
import { Taken } from './taken'

export interface Boundary extends Line { name: string; isArea: boolean; pieces: Line[] }

const DASHES = [9, 4]
const NAME_LONGEST = 30
/** An area that is smaller on the screen has no name. */
const NAMED_FROM_PX = 40
const PATHS_A_STROKE = 100

/** The lines as they are drawn: an edge that two of them share once, for dashes that lie on dashes are no dashes. */
export function boundaries(lines: GivenLine[]): Boundary[] {
  const edges = new Set<string>()
  return lines.map((line) => boundary(line, edges))
}

function boundary({ name, points }: GivenLine, edges: Set<string>): Boundary {
  const xs = Float64Array.from(points, (point) => xOf(point[0]))
  const ys = Float64Array.from(points, (point) => yOf(point[1]))
  for (let k = 1; k < xs.length; k++) {
    // The short way round, over the antimeridian too.
    xs[k] = (xs[k] as number) - Math.round((xs[k] as number) - (xs[k - 1] as number))
  }
  const pieces: Line[] = []
  let from = 0
  const end = (k: number): void => {
    if (k > from) pieces.push(line(xs.subarray(from, k + 1), ys.subarray(from, k + 1)))
  }
  for (let k = 1; k < xs.length; k++) {
    const edge = [String(points[k - 1]), String(points[k])].sort().join(' ')
    if (edges.has(edge)) {
      end(k - 1)
      from = k
    }
    edges.add(edge)
  }
  end(xs.length - 1)
  const last = xs.length - 1
  return { ...line(xs, ys), name: fit(name, NAME_LONGEST), pieces, isArea: last > 2 && xs[0] === xs[last] && ys[0] === ys[last] }
}

function line(xs: Float64Array, ys: Float64Array): Line {
  const made = { xs, ys, minX: Infinity, maxX: -Infinity, minY: Infinity, maxY: -Infinity }
  for (const x of xs) { made.minX = Math.min(made.minX, x); made.maxX = Math.max(made.maxX, x) }
  for (const y of ys) { made.minY = Math.min(made.minY, y); made.maxY = Math.max(made.maxY, y) }
  return made
}

const taken = new Taken()

/** Returns the names that were written. */
export function drawBoundaries(context: OffscreenCanvasRenderingContext2D, view: View, all: readonly Boundary[], colour: string): string[] {
  context.strokeStyle = context.fillStyle = colour
  context.lineWidth = 1
  context.setLineDash(DASHES)
  for (let first = 0; first < all.length; first += PATHS_A_STROKE) {
    context.beginPath()
    for (const one of all.slice(first, first + PATHS_A_STROKE)) for (const piece of one.pieces) trace(context, view, piece, false)
    context.stroke()
  }
  context.setLineDash([])
  context.font = 'bold 11px "B612 Mono", monospace'
  context.textAlign = 'left'
  taken.begin(view.width, view.height)
  const named = new Set<string>()
  for (const one of all) {
    const at = one.name ? whereNamed(one, view) : null
    if (!at || !taken.claim(...at)) continue
    context.fillText(one.name, at[0] + 9, at[1] - 4)
    named.add(one.name)
  }
  return [...named]
}

/** Where on the screen a name stands: inside its area, else beside that point of the line which is nearest to the middle of what is seen of it. */
export function whereNamed(one: Boundary, view: View): [number, number] | null {
  const turn = Math.round(view.x - (one.minX + one.maxX) / 2)
  const left = Math.max(one.minX + turn, view.x - view.width / 2 / view.scale)
  const right = Math.min(one.maxX + turn, view.x + view.width / 2 / view.scale)
  const top = Math.max(one.minY, view.y - view.height / 2 / view.scale)
  const bottom = Math.min(one.maxY, view.y + view.height / 2 / view.scale)
  if (left > right || top > bottom || Math.max(right - left, bottom - top) * view.scale < NAMED_FROM_PX) return null
  const x = (left + right) / 2
  const y = (top + bottom) / 2
  if (one.isArea && contains(one, x - turn, y)) return onScreen(x, y, view)
  let nearest = Infinity
  let found: [number, number] | null = null
  for (let k = 0; k < one.xs.length; k++) {
    const [pointX, pointY] = [(one.xs[k] as number) + turn, one.ys[k] as number]
    const away = Math.hypot(pointX - x, pointY - y)
    if (away < nearest && pointX >= left && pointX <= right && pointY >= top && pointY <= bottom) {
      nearest = away
      found = onScreen(pointX, pointY, view)
    }
  }
  return found
}

const onScreen = (x: number, y: number, view: View): [number, number] => [(x - view.x) * view.scale + view.width / 2, view.toScreenY(y)]

function contains({ xs, ys }: Boundary, x: number, y: number): boolean {
  let isInside = false
  for (let k = 1; k < xs.length; k++) {
    const [fromX, fromY, toX, toY] = [xs[k - 1] as number, ys[k - 1] as number, xs[k] as number, ys[k] as number]
    if (fromY > y !== toY > y && x < ((toX - fromX) * (y - fromY)) / (toY - fromY) + fromX) isInside = !isInside
  }
  return isInside
}
