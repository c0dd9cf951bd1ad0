// The worker that draws the map. It answers each frame when that was really drawn, and only then: a worker that has died
// and a canvas that was lost answer nothing, and the page says so.

import regular from '@fontsource/b612/files/b612-latin-400-normal.woff2?url'
import bold from '@fontsource/b612/files/b612-latin-700-normal.woff2?url'
import mono from '@fontsource/b612-mono/files/b612-mono-latin-400-normal.woff2?url'
import { type BaseMap, baseMap, drawBase } from './base'
import { type Boundary, boundaries } from './boundaries'
import { Picture } from './draw'
import { LiveTracks } from './live_tracks'
import { View } from './mercator'
import { unpack } from './packed'
import { type Place, places } from './places'
import type { Extent, Frame, FromPainter, Shown, ToPainter } from './painting'
import type { AlertMark } from './alert_marks'
import type { Flight } from './shapes'
import { TrackPoll } from './track_poll'
import { Traffic } from './traffic'

interface Scope { fonts: FontFaceSet; postMessage(message: FromPainter): void; onmessage: (event: MessageEvent<ToPainter>) => void }
const scope = self as unknown as Scope

const picture = new Picture()
const view = new View()
const flights = new Map<string, Flight>()
let traffic: Traffic | null = null
let map: BaseMap | null = null
let names: Place[] = []
let lines: Boundary[] = []
let isStandardAsked = false
let canvases: { ground: OffscreenCanvas; moving: OffscreenCanvas } | null = null
let shown: Shown | null = null
const tracks = new LiveTracks()
let marks: AlertMark[] = []
let followed: string[] = []
let search: string | null = null
const poll = new TrackPoll((table) => {
  tracks.take(table, Date.now())
  scope.postMessage({ kind: 'live', news: tracks.news(table.at_s, table.left_out, followed, search) })
})

scope.onmessage = ({ data }) => {
  if (data.kind === 'canvases') canvases = data
  else if (data.kind === 'plans') {
    for (const key of data.gone) flights.delete(key)
    for (const one of unpack(data.packed)) flights.set(one.key, one)
    traffic = null
    scope.postMessage({ kind: 'extent', extent: extent() })
  } else if (data.kind === 'boundaries') lines = boundaries(data.lines)
  else if (data.kind === 'live') {
    followed = data.followed
    search = data.search
    poll.turn(data.on)
  } else if (data.kind === 'alerts') marks = data.marks
  else if (data.kind === 'what_is_at') scope.postMessage({ kind: 'found', found: picture.at(data.x, data.y, data.withinPx) })
  else {
    if (data.frame.shown && data.frame.shown.layer.party !== shown?.layer.party) traffic = null
    shown = data.frame.shown ?? shown
    if (shown?.layer.isStandard && !isStandardAsked) loadStandard()
    scope.postMessage({ kind: 'drawn', named: draw(data.frame) })
  }
}

/** Returns the names of the boundaries on the ground; null where that was not drawn. */
function draw(frame: Frame): string[] | null {
  if (!canvases || !shown) return null
  view.take(frame)
  const named = frame.ground ? drawBase(context(canvases.ground, frame.ratio), view, map, names, lines, shown.colours) : null
  traffic ??= new Traffic([...flights.values()], shown.layer.party)
  const live = frame.live && !tracks.isGone(Date.now()) ? { tracks, marks } : null
  picture.draw(context(canvases.moving, frame.ratio), view, shown.colours, frame, traffic, shown.layer, live)
  return named
}

function context(canvas: OffscreenCanvas, ratio: number): OffscreenCanvasRenderingContext2D {
  const width = Math.round(view.width * ratio)
  const height = Math.round(view.height * ratio)
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width
    canvas.height = height
  }
  const made = canvas.getContext('2d')
  if (!made || made.isContextLost?.()) throw new Error('the canvas was lost')
  made.setTransform(ratio, 0, 0, ratio, 0, 0)
  return made
}

function extent(): Extent {
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const one of flights.values()) {
    for (const { xs, ys } of [one, ...one.volumes]) {
      for (const x of xs) { west = Math.min(west, x); east = Math.max(east, x) }
      for (const y of ys) { north = Math.min(north, y); south = Math.max(south, y) }
    }
  }
  return { starts: Float64Array.from(flights.values(), (one) => one.start).sort(), box: west < east ? [west, north, east, south] : null }
}

function load<T>(coming: Promise<T>, take: (loaded: T) => void): void {
  coming.then(take).then(() => scope.postMessage({ kind: 'loaded', problem: '' }), (reason: unknown) => scope.postMessage({ kind: 'loaded', problem: String(reason) }))
}

/** Only whoever wants them loads them. */
function loadStandard(): void {
  isStandardAsked = true
  load(import('./standard_symbols'), ({ standardSymbol }) => picture.take(standardSymbol))
}

load(baseMap(), (loaded) => (map = loaded))
load(places(), (loaded) => (names = loaded))

for (const [family, url, weight] of [['B612', regular, '400'], ['B612', bold, '700'], ['B612 Mono', mono, '400']] as const) {
  const face = new FontFace(family, `url(${url})`, { weight })
  scope.fonts.add(face)
  load(face.load(), () => picture.forget())
}
