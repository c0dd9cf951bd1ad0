// What is really in the air, on the map: a symbol for each live track, its way of the next minute, the circle of its error,
// and labels that do not cover each other. The shape says whose it is; hollow and dashed is doubted; faded is old.

import { FOOT_M } from '../shown/metres'
import type { Colours } from './draw'
import { type LiveTracks, SIDES } from './live_tracks'
import type { View } from './mercator'
import { type Pixels, type Sprite, sprite, wordOf } from './pixels'
import { MOST_LABELS } from './symbols'
import type { Taken } from './taken'
import type { Texts } from './texts'

/** From these ages on, in seconds, a symbol is fainter. */
const FADES_S = [6, 15] as const
const FADED = [1, 0.6, 0.35] as const
const LINE_ALPHA = 170
const RING_ALPHA = 120
const SIZE_PX = 26
const SMALL = 0.55
/** With more on the screen symbols are small, so that ours do not cover theirs. */
const SWARM = 1500
/** The error is drawn where its circle is larger than this. */
const SYMBOL_RADIUS_PX = 9
const DASH_PX = 3
const MARGIN_PX = 20
const LABEL_PX = 10
const LINE_PX = 12
const [LABEL_WIDTH_PX, LABEL_HEIGHT_PX] = [96, 24]
const LOWEST_FLIGHT_LEVEL = 100
const CLIMBS_MPS = 1.5

export class TrackSymbols {
  private xs = new Float32Array(0)
  private ys = new Float32Array(0)
  private readonly labelled: number[] = []
  private seen = 0
  private tracks: LiveTracks | null = null
  private ms = 0
  private look = ''
  private readonly sprites: Sprite[] = []
  private bracket: Sprite | null = null
  private lines: number[] = []
  private rings: number[] = []

  constructor(private readonly texts: Texts) {}

  /** Find where each is on the screen, and who has a label: before anything else takes its place. Null: none is shown. */
  place(tracks: LiveTracks | null, view: View, ms: number, chosen: readonly string[], taken: Taken): void {
    this.tracks = tracks
    this.ms = ms
    this.labelled.length = 0
    this.seen = 0
    if (!tracks) return
    if (this.xs.length < tracks.count) {
      this.xs = new Float32Array(tracks.xs.length)
      this.ys = new Float32Array(tracks.xs.length)
    }
    for (let k = 0; k < tracks.count; k++) {
      const x = view.toScreenX(tracks.xs[k] as number)
      const y = view.toScreenY(tracks.ys[k] as number)
      const isSeen = x > -MARGIN_PX && y > -MARGIN_PX && x < view.width + MARGIN_PX && y < view.height + MARGIN_PX
      this.xs[k] = isSeen ? x : Infinity
      this.seen += Number(isSeen)
      this.ys[k] = y
    }
    for (const id of chosen) {
      const k = tracks.indexOf(id)
      if (k < 0 || this.xs[k] === Infinity) continue
      this.claim(k, taken)
      this.labelled.push(k)
    }
    const first = [...this.labelled]
    for (let side = 0; side < SIDES.length; side++) {
      for (let k = 0; k < tracks.count && this.labelled.length < MOST_LABELS; k++) {
        if (tracks.sides[k] !== side || this.xs[k] === Infinity) continue
        if (first.includes(k)) continue
        if (this.claim(k, taken)) this.labelled.push(k)
      }
    }
  }

  draw(pixels: Pixels, view: View, colours: Colours, ratio: number, isMetresFirst: boolean, chosen: readonly string[]): void {
    const { tracks } = this
    if (!tracks) return
    this.take(colours, ratio)
    const isSmall = this.seen > SWARM
    for (let k = 0; k < tracks.count; k++) {
      const x = this.xs[k] as number
      if (x === Infinity) continue
      const y = this.ys[k] as number
      const side = tracks.sides[k] as number
      const dash = tracks.doubted[k] ? DASH_PX * ratio : 0
      const radius = (tracks.errors[k] as number) * view.scale
      pixels.line(
        x * ratio, y * ratio, (x + (tracks.aheadXs[k] as number) * view.scale) * ratio, (y + (tracks.aheadYs[k] as number) * view.scale) * ratio,
        this.lines[side] as number, dash,
      )
      // A circle around the whole screen says nothing.
      if (radius > SYMBOL_RADIUS_PX && radius < view.width + view.height) pixels.ring(x * ratio, y * ratio, radius * ratio, this.rings[side] as number, dash)
    }
    for (let side = SIDES.length - 1; side >= 0; side--) {
      for (let k = 0; k < tracks.count; k++) {
        if (tracks.sides[k] !== side || this.xs[k] === Infinity) continue
        const one = this.sprites[indexOf(side, tracks.doubted[k] as number, fadeOf(tracks.ageS(k, this.ms)), isSmall)]
        if (one) pixels.stamp(one, Math.round((this.xs[k] as number) * ratio), Math.round((this.ys[k] as number) * ratio))
      }
    }
    for (const id of chosen) {
      const k = tracks.indexOf(id)
      if (k >= 0 && this.bracket && this.xs[k] !== Infinity) pixels.stamp(this.bracket, Math.round((this.xs[k] as number) * ratio), Math.round((this.ys[k] as number) * ratio))
    }
    for (const k of this.labelled) this.label(pixels, tracks, k, colours, ratio, isMetresFirst)
  }

  /** The track that is nearest to a place on the screen, and how far it is. */
  nearest(x: number, y: number): { id: string; px: number } | null {
    const { tracks } = this
    if (!tracks) return null
    let best = Infinity
    let at = -1
    for (let k = 0; k < tracks.count; k++) {
      const px = Math.hypot((this.xs[k] as number) - x, (this.ys[k] as number) - y)
      if (px < best) {
        best = px
        at = k
      }
    }
    return at < 0 ? null : { id: tracks.idOf(at), px: best }
  }

  private claim(k: number, taken: Taken): boolean {
    return taken.claim(this.xs[k] as number, this.ys[k] as number, LABEL_WIDTH_PX, LABEL_HEIGHT_PX)
  }

  private label(pixels: Pixels, tracks: LiveTracks, k: number, colours: Colours, ratio: number, isMetresFirst: boolean): void {
    const ageS = tracks.ageS(k, this.ms)
    const isOld = fadeOf(ageS) > 0
    const colour = isOld ? colours.faint : sideColour(tracks.sides[k] as number, colours)
    const left = Math.round(((this.xs[k] as number) + LABEL_PX) * ratio)
    const base = Math.round(((this.ys[k] as number) - 3) * ratio)
    const name = this.texts.of(tracks.nameOf(k), colour, colours.halo, ratio)
    pixels.stamp(name, left, base)
    if (isOld) pixels.stamp(this.texts.of(`${Math.floor(ageS)} s`, colours.warning, colours.halo, ratio), left + name.advance, base)
    pixels.stamp(this.texts.of(heightText(tracks, k, isMetresFirst), colour, colours.halo, ratio), left, base + Math.round(LINE_PX * ratio))
  }

  private take(colours: Colours, ratio: number): void {
    const look = `${ratio} ${colours.ours} ${colours.theirs} ${colours.text} ${colours.halo}`
    if (look === this.look) return
    this.look = look
    this.texts.clear()
    this.lines = SIDES.map((_, side) => wordOf(sideColour(side, colours), LINE_ALPHA))
    this.rings = SIDES.map((_, side) => wordOf(sideColour(side, colours), RING_ALPHA))
    for (let side = 0; side < SIDES.length; side++) {
      for (const doubted of [0, 1]) {
        FADED.forEach((alpha, fade) => {
          for (const isSmall of [false, true]) {
            this.sprites[indexOf(side, doubted, fade, isSmall)] = sprite(SIZE_PX, SIZE_PX, SIZE_PX / 2, SIZE_PX / 2, ratio, (context) => {
              context.globalAlpha = alpha
              if (isSmall) context.scale(SMALL, SMALL)
              paint(context, side, doubted === 1, sideColour(side, colours), isSmall ? '' : colours.halo)
            })
          }
        })
      }
    }
    this.bracket = sprite(SIZE_PX, SIZE_PX, SIZE_PX / 2, SIZE_PX / 2, ratio, (context) => {
      context.strokeStyle = colours.text
      context.lineWidth = 2
      context.beginPath()
      for (const [x, y] of [[-1, -1], [1, -1], [1, 1], [-1, 1]] as const) {
        context.moveTo(x * 11, y * 5)
        context.lineTo(x * 11, y * 11)
        context.lineTo(x * 5, y * 11)
      }
      context.stroke()
    })
  }
}

const fadeOf = (ageS: number): number => FADES_S.filter((limit) => ageS > limit).length

const indexOf = (side: number, doubted: number, fade: number, isSmall: boolean): number => ((side * 2 + doubted) * FADED.length + fade) * 2 + Number(isSmall)

const sideColour = (side: number, colours: Colours): string => (side === 0 ? colours.ours : side === 1 ? colours.theirs : colours.text)

/** A square is ours, a disc theirs, a cross nobody's that we know; hollow where it is doubted. */
function paint(context: OffscreenCanvasRenderingContext2D, side: number, isHollow: boolean, colour: string, halo: string): void {
  context.beginPath()
  if (side === 0) context.rect(-5, -5, 10, 10)
  else if (side === 1) context.arc(0, 0, 5.5, 0, 2 * Math.PI)
  else {
    for (const [x, y] of [[2, -7], [2, -2], [7, -2], [7, 2], [2, 2], [2, 7], [-2, 7], [-2, 2], [-7, 2], [-7, -2], [-2, -2], [-2, -7]] as const) context.lineTo(x, y)
    context.closePath()
  }
  if (halo) {
    context.strokeStyle = halo
    context.lineWidth = 4
    context.stroke()
  }
  if (isHollow) {
    context.fillStyle = halo || 'transparent'
    context.fill()
    context.strokeStyle = colour
    context.lineWidth = 1.8
    context.setLineDash([3, 1.5])
    context.stroke()
  } else {
    context.fillStyle = colour
    context.fill()
  }
}

/** To the hundred feet, in both units, with its reference where that is not standard pressure, and whether it climbs. */
function heightText(tracks: LiveTracks, k: number, isMetresFirst: boolean): string {
  if (tracks.value<boolean>(k, 'on_ground')) return 'GND'
  const pressureM = tracks.value<number | null>(k, 'pressure_altitude_m')
  const metres = pressureM ?? tracks.value<number | null>(k, 'geometric_altitude_m')
  if (metres === null) return '– – –'
  const level = Math.round(metres / FOOT_M / 100)
  const feet = pressureM !== null && level >= LOWEST_FLIGHT_LEVEL ? `FL${level}` : `${level * 100}ft`
  const shown = `${Math.round((level * 100 * FOOT_M) / 10) * 10}m`
  const climbs = tracks.value<number>(k, 'vertical_speed_mps')
  const arrow = climbs > CLIMBS_MPS ? '↑' : climbs < -CLIMBS_MPS ? '↓' : ''
  return `${isMetresFirst ? `${shown} ${feet}` : `${feet} ${shown}`}${pressureM === null ? ' GNSS' : ''}${arrow}`
}
