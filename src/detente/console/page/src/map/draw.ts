// What lies over the base map: zones, notices, plans, conflicts, and what is being drawn by hand.

import type { Area, ConflictRecord, NoticeRecord, Position, Zone, ZoneTerms } from '../node/types'
import { fit } from '../shown/text'
import { type AlertMark, drawAlerts } from './alert_marks'
import type { LiveTracks } from './live_tracks'
import { distanceM, unitsPerMetre, type View, xOf, yOf } from './mercator'
import { Pixels } from './pixels'
import type { Gesture, Ghost, Selected } from './scene.svelte'
import { type AreaShape, type Flight, flight, outline, volumeShape } from './shapes'
import type { StandardSymbol } from './standard_symbols'
import { Symbols } from './symbols'
import { Taken } from './taken'
import { Texts } from './texts'
import { TrackSymbols } from './track_symbols'
import type { Traffic } from './traffic'

export interface Colours {
  ours: string; theirs: string; danger: string; warning: string; text: string; faint: string; halo: string
}
export interface Layer {
  /** Aircraft as APP-6 and MIL-STD-2525 draw them. */
  isStandard: boolean
  isMetresFirst: boolean
  party: string; notices: NoticeRecord[]; zones: Zone[]; conflicts: ConflictRecord[]
  selected: Selected
  /** The keys of the plan that is selected, or of both plans of the conflict that is. */
  chosen: readonly string[]
  ghost: Ghost | null; gesture: Gesture['kind'] | null; drawing: Position[]
}
export type Context = OffscreenCanvasRenderingContext2D
/** The time that is shown, and how many pixels of the screen are one of the page. */
export interface Moment { ms: number; ratio: number }
/** What is live: the tracks, and the alerts that stand, the most urgent first. */
export interface Live { tracks: LiveTracks; marks: readonly AlertMark[] }
export type Found = NonNullable<Selected>
export interface Hit extends Found { x: number; y: number }

const PATHS_A_STROKE = 100
const NAME_LONGEST = 40

/** Draws a layer, again and again, and knows what is where on the screen. */
export class Picture {
  /** Where areas and conflicts were drawn last, for whoever clicks. */
  private hits: Hit[] = []
  private readonly pixels = new Pixels()
  private readonly texts = new Texts()
  private readonly symbols = new Symbols(this.texts)
  private readonly trackSymbols = new TrackSymbols(this.texts)
  private readonly taken = new Taken()

  /** Throws where the canvas was lost: what is not drawn does not count as drawn. Null: nothing live is shown. */
  draw(context: Context, view: View, colours: Colours, { ms, ratio }: Moment, traffic: Traffic, layer: Layer, live: Live | null): void {
    context.clearRect(0, 0, view.width, view.height)
    const hits: Hit[] = []
    this.taken.begin(view.width, view.height)
    const labels = new Labels(context, view, colours, this.taken)
    for (const zone of layer.zones) drawZone(context, view, colours, zone, ms, layer, hits, labels)
    for (const record of layer.notices) {
      if (record.state === 'in_force') drawNotice(context, view, colours, record, ms, layer, hits, labels)
    }
    const chosenTracks = chosenOf(layer.selected, live)
    this.trackSymbols.place(live?.tracks ?? null, view, ms, chosenTracks, this.taken)
    const isCrowd = this.symbols.find(traffic, ms, layer)
    for (const isOurs of [true, false]) this.drawPlans(context, view, isOurs ? colours.ours : colours.theirs, isOurs, ms, layer, isCrowd, hits, labels)
    labels.draw()
    this.pixels.begin(Math.round(view.width * ratio), Math.round(view.height * ratio))
    this.symbols.draw(this.pixels, view, colours, ratio, isCrowd, this.taken)
    this.trackSymbols.draw(this.pixels, view, colours, ratio, layer.isMetresFirst, chosenTracks)
    const moving = this.pixels.finished()
    if (!moving) throw new Error('the canvas was lost')
    context.drawImage(moving, 0, 0, view.width, view.height)
    if (layer.ghost) drawGhost(context, view, colours, layer.ghost)
    for (const record of layer.conflicts) drawConflict(context, view, colours, record, ms, layer, hits)
    if (live) drawAlerts(context, view, colours, live.marks, layer.selected?.kind === 'alert' ? layer.selected.id : null, live.tracks, hits)
    drawGesture(context, view, colours, layer)
    this.hits = hits
  }

  /** How a standard draws aircraft has come. */
  take(standard: StandardSymbol): void {
    this.symbols.standard = standard
  }

  /** Letters look otherwise now: make them anew. */
  forget(): void {
    this.texts.clear()
  }

  /** What is nearest to a place on the screen, alerts and conflicts before all else; null where nothing is near. */
  at(x: number, y: number, withinPx: number): Found | null {
    const flight = this.symbols.nearest(x, y)
    const near = this.hits.map(({ kind, id, ...at }) => ({ kind, id, px: Math.hypot(at.x - x, at.y - y) }))
    const track = this.trackSymbols.nearest(x, y)
    // What flies stands before the plan for it.
    if (track) near.push({ kind: 'track', ...track })
    if (flight) near.push({ kind: 'plan', id: flight.key, px: flight.px })
    const isFirst = (kind: Found['kind']): number => Number(kind === 'alert' || kind === 'conflict')
    const [found] = near.filter(({ px }) => px < withinPx).sort((a, b) => isFirst(b.kind) - isFirst(a.kind) || a.px - b.px)
    return found ? { kind: found.kind, id: found.id } : null
  }

  /** Volumes and, unless it is a crowd, whole routes. Long paths are split: a canvas strokes them superlinearly. */
  private drawPlans(
    context: Context, view: View, colour: string, isOurs: boolean, ms: number, layer: Layer, isCrowd: boolean, hits: Hit[], labels: Labels,
  ): void {
    let inPath = 0
    const stroke = (): void => {
      context.strokeStyle = colour
      context.lineWidth = 1.2
      context.globalAlpha = 0.45
      context.stroke()
      context.globalAlpha = 1
      context.beginPath()
      inPath = 0
    }
    context.beginPath()
    if (!isCrowd) this.symbols.each((one) => {
      if (layer.chosen.includes(one.key) || !one.xs.length || (one.party === layer.party) !== isOurs) return
      trace(context, view, one.xs, one.ys)
      if (++inPath === PATHS_A_STROKE) stroke()
    })
    stroke()
    this.symbols.eachWithAreas((one) => {
      const isChosen = layer.chosen.includes(one.key)
      if ((one.party === layer.party) !== isOurs) return
      drawVolumes(context, view, colour, one, ms, isChosen, hits, labels)
      if (!isChosen || !one.xs.length) return
      context.strokeStyle = colour
      context.lineWidth = 3
      path(context, view, one.xs, one.ys, false)
      context.stroke()
    })
  }
}

/** The tracks that are selected, or that the selected alert is about. */
function chosenOf(selected: Selected, live: Live | null): string[] {
  if (selected?.kind === 'track') return [selected.id]
  const mark = selected?.kind === 'alert' ? live?.marks.find((one) => one.key === selected.id) : undefined
  return mark?.tracks.map((one) => one.id) ?? []
}

function drawVolumes(
  context: Context, view: View, colour: string, one: Flight, ms: number, isChosen: boolean, hits: Hit[], labels: Labels,
): void {
  for (const volume of one.volumes) {
    const isNow = volume.start <= ms && ms <= volume.end
    const x = view.toScreenX(mean(volume.xs))
    const y = view.toScreenY(mean(volume.ys))
    fillArea(context, view, volume, colour, isChosen || isNow, isNow ? [] : [4, 4])
    hits.push({ kind: 'plan', id: one.key, x, y })
    labels.add(x, y, one.planId, colour, isChosen)
  }
}

function path(context: Context, view: View, xs: Float64Array, ys: Float64Array, closed: boolean): void {
  context.beginPath()
  trace(context, view, xs, ys)
  if (closed) context.closePath()
}

function fillArea(context: Context, view: View, shape: AreaShape, colour: string, strong: boolean, dashes: number[]): void {
  path(context, view, shape.xs, shape.ys, true)
  context.globalAlpha = strong ? 0.28 : 0.12
  context.fillStyle = colour
  context.fill()
  context.globalAlpha = strong ? 1 : 0.6
  context.strokeStyle = colour
  context.lineWidth = strong ? 2 : 1
  context.setLineDash(dashes)
  context.stroke()
  context.setLineDash([])
  context.globalAlpha = 1
}

function trace(context: Context, view: View, xs: Float64Array, ys: Float64Array): void {
  const first = xs[0] ?? 0
  const shift = view.toScreenX(first) - first * view.scale
  for (let k = 0; k < xs.length; k++) {
    const x = (xs[k] as number) * view.scale + shift
    const y = view.toScreenY(ys[k] as number)
    if (k) context.lineTo(x, y)
    else context.moveTo(x, y)
  }
}

function drawGhost(context: Context, view: View, colours: Colours, ghost: Ghost): void {
  const one = flight(ghost.party, ghost.plan)
  context.strokeStyle = colours.text
  context.lineWidth = 2
  context.setLineDash([2, 5])
  if (one.xs.length) {
    path(context, view, one.xs, one.ys, false)
    context.stroke()
  }
  for (const volume of one.volumes) {
    path(context, view, volume.xs, volume.ys, true)
    context.stroke()
  }
  context.setLineDash([])
}

function drawConflict(
  context: Context, view: View, colours: Colours, record: ConflictRecord, ms: number, layer: Layer, hits: Hit[],
): void {
  const { encounter, conflict_id: id } = record.conflict
  const chosen = layer.selected?.kind === 'conflict' && layer.selected.id === id
  if (Date.parse(encounter.end) < ms && !chosen) return
  const points = [encounter.closest_first_position, encounter.closest_second_position]
  const [a, b] = points.map((point) => [view.toScreenX(xOf(point.longitude_deg)), view.toScreenY(yOf(point.latitude_deg))])
  if (!a || !b) return
  const x = ((a[0] as number) + (b[0] as number)) / 2
  const y = ((a[1] as number) + (b[1] as number)) / 2
  context.strokeStyle = colours.danger
  context.lineWidth = chosen ? 3 : 2
  context.beginPath()
  context.moveTo(a[0] as number, a[1] as number)
  context.lineTo(b[0] as number, b[1] as number)
  const size = chosen ? 13 : 9
  context.moveTo(x, y - size)
  context.lineTo(x + size, y)
  context.lineTo(x, y + size)
  context.lineTo(x - size, y)
  context.closePath()
  context.stroke()
  context.fillStyle = colours.danger
  context.font = 'bold 12px B612, sans-serif'
  context.textAlign = 'center'
  context.fillText('!', x, y + 4)
  hits.push({ kind: 'conflict', id, x, y })
}

function drawNotice(
  context: Context, view: View, colours: Colours, record: NoticeRecord, ms: number, layer: Layer, hits: Hit[], labels: Labels,
): void {
  const shape = volumeShape(record.notice.volume)
  if (shape.end < ms) return
  const id = `${record.notice.party}/${record.notice.notice_id}`
  const chosen = layer.selected?.kind === 'notice' && layer.selected.id === id
  fillArea(context, view, shape, meaningColour(record.notice.meaning, colours), chosen || shape.start <= ms, dashesOf(record.notice.meaning))
  const x = view.toScreenX(mean(shape.xs))
  const y = view.toScreenY(mean(shape.ys))
  hits.push({ kind: 'notice', id, x, y })
  labels.add(x, y, `${record.notice.party}: ${record.notice.notice_id}`, colours.text, chosen)
}

function drawZone(
  context: Context, view: View, colours: Colours, zone: Zone, ms: number, layer: Layer, hits: Hit[], labels: Labels,
): void {
  const id = `${zone.peer}/${zone.zone_id}`
  const chosen = layer.selected?.kind === 'zone' && layer.selected.id === id
  const versions: [ZoneTerms, boolean][] = []
  if (zone.agreed && zone.standing === 'agreed') versions.push([zone.agreed, true])
  for (const pending of zone.pending) versions.push([pending.terms, false])
  for (const [terms, agreed] of versions) {
    const shape = volumeShape({ area: terms.area, altitude: terms.altitude, time: terms.time })
    if (shape.end < ms) continue
    const colour = meaningColour(terms.meaning, colours)
    fillArea(context, view, shape, colour, agreed, agreed ? dashesOf(terms.meaning) : [3, 6])
    for (const ring of [terms.hold_outside_m, terms.contact_at_m]) {
      if (ring && terms.area.kind === 'circle') drawRing(context, view, terms.area, ring, colour)
    }
    const x = view.toScreenX(mean(shape.xs))
    const y = view.toScreenY(mean(shape.ys))
    hits.push({ kind: 'zone', id, x, y })
    labels.add(x, y, agreed ? zone.zone_id : `${zone.zone_id} ?`, colours.text, chosen)
  }
}

function drawRing(context: Context, view: View, area: Area & { kind: 'circle' }, radiusM: number, colour: string): void {
  const [xs, ys] = outline({ ...area, radius_m: radiusM })
  path(context, view, xs, ys, true)
  context.strokeStyle = colour
  context.lineWidth = 1
  context.setLineDash([8, 4, 2, 4])
  context.stroke()
  context.setLineDash([])
}

const meaningColour = (meaning: string, colours: Colours): string =>
  meaning === 'keep_out' || meaning === 'closed_to_all' ? colours.danger : meaning === 'call_before_entering' ? colours.warning : colours.faint

const dashesOf = (meaning: string): number[] => (meaning === 'closed_to_all' || meaning === 'keep_out' ? [] : [10, 5])

function drawGesture(context: Context, view: View, colours: Colours, layer: Layer): void {
  const { gesture, drawing } = layer
  const [first, second] = drawing
  if (!gesture || !first) return
  context.strokeStyle = colours.text
  context.lineWidth = 2
  context.beginPath()
  if (gesture === 'circle' && second) {
    const radius = distanceM(first, second) * unitsPerMetre(first.latitude_deg) * view.scale
    context.arc(view.toScreenX(xOf(first.longitude_deg)), view.toScreenY(yOf(first.latitude_deg)), radius, 0, 2 * Math.PI)
  } else {
    drawing.forEach((point, k) => {
      const x = view.toScreenX(xOf(point.longitude_deg))
      const y = view.toScreenY(yOf(point.latitude_deg))
      if (k) context.lineTo(x, y)
      else context.moveTo(x, y)
      context.rect(x - 2, y - 2, 4, 4)
      context.moveTo(x, y)
    })
  }
  context.stroke()
}

interface Label { x: number; y: number; text: string; colour: string }

/** Labels beside what they name: those that would cover another are left out, what is selected never. */
class Labels {
  private readonly wanted: Label[] = []
  private readonly first: Label[] = []
  constructor(
    private readonly context: Context, private readonly view: View, private readonly colours: Colours, private readonly taken: Taken,
  ) {}

  add(x: number, y: number, text: string, colour: string, chosen: boolean): void {
    if (x > -50 && y > -20 && x < this.view.width + 50 && y < this.view.height + 20) (chosen ? this.first : this.wanted).push({ x, y, text, colour })
  }

  draw(): void {
    const { context } = this
    context.font = '11px "B612 Mono", monospace'
    context.textAlign = 'left'
    context.lineWidth = 3
    context.strokeStyle = this.colours.halo
    for (const { x, y, text, colour } of this.first) {
      this.taken.claim(x, y)
      this.write(x, y, text, colour)
    }
    for (const { x, y, text, colour } of this.wanted) {
      if (this.taken.claim(x, y)) this.write(x, y, text, colour)
    }
  }

  private write(x: number, y: number, text: string, colour: string): void {
    const shown = fit(text, NAME_LONGEST)
    this.context.strokeText(shown, x + 11, y - 5)
    this.context.fillStyle = colour
    this.context.fillText(shown, x + 11, y - 5)
  }
}

function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / Math.max(values.length, 1)
}
