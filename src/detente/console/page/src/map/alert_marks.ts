// Alerts on the map: the aircraft that each is about, where it will be at the worst, and how urgent it is. The level is
// said by the mark's shape and by a word as well as by its colour.

import type { AlertLevel, Position } from '../node/types'
import { fit } from '../shown/text'
import type { Colours, Context, Hit } from './draw'
import type { LiveTracks } from './live_tracks'
import { type View, xOf, yOf } from './mercator'

export interface AlertMark {
  key: string; level: AlertLevel
  /** Its tracks, each with where it was when the alert was written: for those that are there no more. */
  tracks: { id: string; seen: Position | null }[]
  /** Where it will be; null where it is so already. */
  place: Position | null
  /** The level in a word and the time left, as they are read. */
  text: string
}
type Point = [x: number, y: number]

const MOST_TEXTS = 20
/** Beside an aircraft, so that its symbol is seen. */
const BESIDE_PX = -15
const LONGEST_TEXT = 40

/** Draw them, the most urgent last and so over the others. */
export function drawAlerts(
  context: Context, view: View, colours: Colours, marks: readonly AlertMark[], chosen: string | null, tracks: LiveTracks, hits: Hit[],
): void {
  for (let k = marks.length - 1; k >= 0; k--) {
    const mark = marks[k] as AlertMark
    const isChosen = mark.key === chosen
    const colour = levelColour(mark.level, colours)
    const from = mark.tracks.map((one) => whereIs(one, tracks, view)).filter((point) => point !== null)
    const [first, second] = from
    const at = mark.place ? toScreen(mark.place, view) : first && (second ? middle(first, second) : beside(first))
    if (!at) continue
    context.strokeStyle = colour
    context.lineWidth = isChosen ? 2.5 : 1.5
    if (first && second) stroke(context, [first, second], [])
    if (mark.place) for (const point of from) stroke(context, [point, at], [2, 4])
    drawLevel(context, at, mark.level, colour, colours.halo, isChosen ? 1.3 : 1)
    if (isChosen || (k < MOST_TEXTS && (second || mark.level === 'warning'))) write(context, at, fit(mark.text, LONGEST_TEXT), colour, colours.halo)
    hits.push({ kind: 'alert', id: mark.key, x: at[0], y: at[1] })
  }
}

const levelColour = (level: AlertLevel, colours: Colours): string => (level === 'warning' ? colours.danger : level === 'corrective' ? colours.warning : colours.text)

const toScreen = ({ latitude_deg, longitude_deg }: Position, view: View): Point => [view.toScreenX(xOf(longitude_deg)), view.toScreenY(yOf(latitude_deg))]

function whereIs({ id, seen }: AlertMark['tracks'][number], tracks: LiveTracks, view: View): Point | null {
  const k = tracks.indexOf(id)
  if (k >= 0) return [view.toScreenX(tracks.xs[k] as number), view.toScreenY(tracks.ys[k] as number)]
  return seen && toScreen(seen, view)
}

const middle = (first: Point, second: Point): Point => [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2]
const beside = ([x, y]: Point): Point => [x + BESIDE_PX, y + BESIDE_PX]

function stroke(context: Context, [from, to]: [Point, Point], dashes: number[]): void {
  context.setLineDash(dashes)
  context.beginPath()
  context.moveTo(...from)
  context.lineTo(...to)
  context.stroke()
  context.setLineDash([])
}

/** A ring to look at, a hollow triangle to act on, a full one to act on now; one, two and three strokes in it. */
function drawLevel(context: Context, [x, y]: Point, level: AlertLevel, colour: string, halo: string, size: number): void {
  context.beginPath()
  if (level === 'preventive') context.arc(x, y, 8 * size, 0, 2 * Math.PI)
  else {
    context.moveTo(x, y - 11 * size)
    context.lineTo(x + 11 * size, y + 8 * size)
    context.lineTo(x - 11 * size, y + 8 * size)
    context.closePath()
  }
  context.fillStyle = level === 'warning' ? colour : halo
  context.fill()
  context.lineWidth = 2
  context.stroke()
  context.fillStyle = level === 'warning' ? halo : colour
  context.font = 'bold 11px B612, sans-serif'
  context.textAlign = 'center'
  context.fillText(level === 'warning' ? '!!!' : level === 'corrective' ? '!!' : '!', x, y + (level === 'preventive' ? 4 : 6 * size))
}

function write(context: Context, [x, y]: Point, text: string, colour: string, halo: string): void {
  context.font = 'bold 12px B612, sans-serif'
  context.textAlign = 'center'
  context.lineWidth = 3
  context.strokeStyle = halo
  context.strokeText(text, x, y + 24)
  context.fillStyle = colour
  context.fillText(text, x, y + 24)
}
