// What moves, on the map: a symbol for each flight in the air, its way of the next minutes, and labels that do not cover
// each other. Nothing is made anew from second to second.

import type { Colours, Layer } from './draw'
import type { View } from './mercator'
import { COURSES } from './legs'
import { type Pixels, type Sprite, sprite, wordOf } from './pixels'
import type { Flight } from './shapes'
import type { StandardSymbol } from './standard_symbols'
import type { Taken } from './taken'
import type { Texts } from './texts'
import type { Traffic } from './traffic'

const AHEAD_MS = 30 * 60_000
const LEADER_MS = 3 * 60_000
const LEADER_ALPHA = 130
/** Beyond so many flights only the way of the next minutes is drawn, not the whole route. */
const CROWD = 500
/** Beyond so many, symbols are small and plain: whole ones would cover each other, and cost four times as much. */
const SWARM = 8000
export const MOST_LABELS = 400
const SYMBOL_PX = 30
const SMALL = 0.5
const STANDARD_PX = 18
const STANDARD_SPRITE_PX = 46
const COURSE_PX = 22
/** How far from its place a label begins, beside a plain symbol and beside one of the standard. */
const [LABEL_PX, STANDARD_LABEL_PX] = [9, 14]
const FOOT_100_M = 30.48
const MARGIN_PX = 20

export class Symbols {
  /** Flights that were drawn last, by their index, and where: for whoever clicks. What is not on the screen is at infinity. */
  private shown = new Int32Array(0)
  private xs = new Float32Array(0)
  private ys = new Float32Array(0)
  private heights = new Float32Array(0)
  private count = 0
  private readonly areas: number[] = []
  private traffic: Traffic | null = null
  private ms = 0
  private layer: Layer | null = null
  /** How APP-6 and MIL-STD-2525 draw aircraft, once that has come. */
  standard: StandardSymbol | null = null
  private look = ''
  private readonly sprites: Sprite[] = []
  /** Of the standard, by side, crew and course; empty where plain ones are shown. */
  private standards: Sprite[] = []
  private words = { ours: 0, theirs: 0 }

  /** All that stands on the map as text is made in one place. */
  constructor(private readonly texts: Texts) {}

  /** Find who is shown at a time; returns whether that is a crowd. */
  find(traffic: Traffic, ms: number, layer: Layer): boolean {
    this.traffic = traffic
    this.ms = ms
    this.layer = layer
    if (this.shown.length < traffic.flights.length) {
      this.shown = new Int32Array(traffic.flights.length)
      this.xs = new Float32Array(traffic.flights.length)
      this.ys = new Float32Array(traffic.flights.length)
      this.heights = new Float32Array(traffic.flights.length)
    }
    this.count = 0
    this.areas.length = 0
    const last = traffic.firstNotBegun(ms + AHEAD_MS)
    for (let k = traffic.firstNotOver(ms); k < last; k++) {
      if ((traffic.ends[k] as number) < ms) continue
      this.shown[this.count++] = k
      if (traffic.withAreas[k]) this.areas.push(k)
    }
    for (const key of layer.chosen) {
      const chosen = traffic.indexOf(key)
      if (chosen < 0) continue
      if (!this.shown.subarray(0, this.count).includes(chosen)) this.shown[this.count++] = chosen
      if (!traffic.withAreas[chosen] || !this.areas.includes(chosen)) this.areas.push(chosen)
    }
    return this.count > CROWD
  }

  /** Every flight that is shown. */
  each(work: (flight: Flight) => void): void {
    for (let k = 0; k < this.count; k++) this.do(this.shown[k] as number, work)
  }

  /** Those of them that have areas, and what is chosen. */
  eachWithAreas(work: (flight: Flight) => void): void {
    for (const index of this.areas) this.do(index, work)
  }

  private do(index: number, work: (flight: Flight) => void): void {
    const flight = this.traffic?.flights[index]
    if (flight) work(flight)
  }

  draw(pixels: Pixels, view: View, colours: Colours, ratio: number, isCrowd: boolean, taken: Taken): void {
    const { layer, traffic } = this
    if (!layer || !traffic) return
    this.take(colours, ratio, layer.isStandard ? this.standard : null)
    this.place(pixels, view, traffic, ratio, isCrowd)
    this.stamp(pixels, traffic, ratio, 1)
    this.stamp(pixels, traffic, ratio, 0)
    this.label(pixels, view, traffic, layer, colours, ratio, taken)
  }

  /** The key of the flight that is nearest to a place on the screen, and how far it is. */
  nearest(x: number, y: number): { key: string; px: number } | null {
    let best = Infinity
    let at = -1
    for (let k = 0; k < this.count; k++) {
      const px = Math.hypot((this.xs[k] as number) - x, (this.ys[k] as number) - y)
      if (px < best) {
        best = px
        at = k
      }
    }
    const found = this.traffic?.flights[this.shown[at] ?? -1]
    return found ? { key: found.key, px: best } : null
  }

  private take(colours: Colours, ratio: number, standard: StandardSymbol | null): void {
    const look = `${ratio} ${colours.ours} ${colours.theirs} ${colours.halo} ${standard !== null}`
    if (look === this.look) return
    this.look = look
    this.texts.clear()
    this.words = { ours: wordOf(colours.ours, LEADER_ALPHA), theirs: wordOf(colours.theirs, LEADER_ALPHA) }
    for (const isSmall of [false, true]) {
      for (const isOurs of [true, false]) {
        for (let turn = 0; turn <= COURSES; turn++) this.sprites[indexOf(isOurs, isSmall, turn)] = this.symbol(isOurs, isSmall, turn, colours, ratio)
      }
    }
    this.standards = standard ? standards(standard, colours, ratio) : []
  }

  /** Ours is an arrow head, theirs a ring with its course; a square where it has not begun. The shape tells them apart. */
  private symbol(isOurs: boolean, isSmall: boolean, turn: number, colours: Colours, ratio: number): Sprite {
    return sprite(SYMBOL_PX, SYMBOL_PX, SYMBOL_PX / 2, SYMBOL_PX / 2, ratio, (context) => {
      const colour = isOurs ? colours.ours : colours.theirs
      if (turn === COURSES) {
        context.fillStyle = colour
        context.fillRect(-2, -2, 4, 4)
      } else {
        context.rotate((turn / COURSES) * 2 * Math.PI)
        if (isSmall) context.scale(SMALL, SMALL)
        arrow(context, isOurs, colour, isSmall ? '' : colours.halo)
      }
    })
  }

  /** Find where each is on the screen, and draw the way of its next minutes where it is one of a crowd. */
  private place(pixels: Pixels, view: View, traffic: Traffic, ratio: number, isCrowd: boolean): void {
    const { ms } = this
    const { legs } = traffic
    for (let k = 0; k < this.count; k++) {
      const index = this.shown[k] as number
      this.xs[k] = Infinity
      const isFlown = legs.at(index, ms)
      const first = isFlown ? null : (traffic.flights[index] as Flight)
      if (first && !first.xs.length) continue
      const x = view.toScreenX(first ? (first.xs[0] as number) : legs.x)
      const y = view.toScreenY(first ? (first.ys[0] as number) : legs.y)
      if (x < -MARGIN_PX || y < -MARGIN_PX || x > view.width + MARGIN_PX || y > view.height + MARGIN_PX) continue
      this.xs[k] = x
      this.ys[k] = y
      this.heights[k] = isFlown ? legs.heightM : NaN
      if (!isFlown || !isCrowd) continue
      const [fromX, fromY] = [legs.x, legs.y]
      legs.ahead(index, ms + LEADER_MS)
      const colour = traffic.ours[index] ? this.words.ours : this.words.theirs
      pixels.line(x * ratio, y * ratio, (x + (legs.x - fromX) * view.scale) * ratio, (y + (legs.y - fromY) * view.scale) * ratio, colour)
    }
  }

  private stamp(pixels: Pixels, traffic: Traffic, ratio: number, ours: 0 | 1): void {
    const isSmall = this.count > SWARM
    const first = indexOf(ours === 1, isSmall, 0)
    const isStandard = !isSmall && this.standards.length > 0
    for (let k = 0; k < this.count; k++) {
      const index = this.shown[k] as number
      const x = this.xs[k] as number
      if (traffic.ours[index] !== ours || x === Infinity) continue
      const isFlown = !Number.isNaN(this.heights[k])
      const drawn = isStandard && isFlown
        ? this.standards[standardIndexOf(ours, traffic.uncrewed[index] as number, traffic.legs.course(index))]
        : this.sprites[first + (isFlown ? traffic.legs.course(index) : COURSES)]
      if (drawn) pixels.stamp(drawn, Math.round(x * ratio), Math.round((this.ys[k] as number) * ratio))
    }
  }

  private label(pixels: Pixels, view: View, traffic: Traffic, layer: Layer, colours: Colours, ratio: number, taken: Taken): void {
    // What is chosen takes its place first.
    for (const key of layer.chosen) {
      const k = this.shown.subarray(0, this.count).indexOf(traffic.indexOf(key))
      if (k >= 0 && this.xs[k] !== Infinity) taken.claim(this.xs[k] as number, this.ys[k] as number)
    }
    const fromPx = this.standards.length && this.count <= SWARM ? STANDARD_LABEL_PX : LABEL_PX
    let drawn = 0
    for (let k = 0; k < this.count && drawn < MOST_LABELS; k++) {
      const x = this.xs[k] as number
      const y = this.ys[k] as number
      if (x === Infinity || x < 0 || y < 0 || x > view.width || y > view.height) continue
      const one = traffic.flights[this.shown[k] as number] as Flight
      const isChosen = layer.chosen.includes(one.key)
      const isFlown = !Number.isNaN(this.heights[k])
      if (!isChosen && (!isFlown || !taken.claim(x, y))) continue
      drawn++
      const colour = traffic.ours[this.shown[k] as number] ? colours.ours : colours.theirs
      const name = this.texts.of(one.planId, colour, colours.halo, ratio)
      const left = Math.round((x + fromPx) * ratio)
      const base = Math.round((y - 5) * ratio)
      pixels.stamp(name, left, base)
      if (isFlown) {
        const level = this.texts.of(String(Math.round((this.heights[k] as number) / FOOT_100_M)), colour, colours.halo, ratio)
        pixels.stamp(level, left + name.advance, base)
      }
    }
  }
}

const indexOf = (isOurs: boolean, isSmall: boolean, turn: number): number => (Number(isOurs) * 2 + Number(isSmall)) * (COURSES + 1) + turn

const standardIndexOf = (ours: number, uncrewed: number, turn: number): number => (ours * 2 + uncrewed) * COURSES + turn

/** Symbols of the standard stand upright; a line from the middle has the course. */
function standards(standard: StandardSymbol, colours: Colours, ratio: number): Sprite[] {
  const made: Sprite[] = []
  for (const ours of [0, 1]) {
    for (const uncrewed of [0, 1]) {
      const { image, x, y } = standard(ours === 1, uncrewed === 1, STANDARD_PX, ratio)
      for (let turn = 0; turn < COURSES; turn++) {
        made[standardIndexOf(ours, uncrewed, turn)] = sprite(STANDARD_SPRITE_PX, STANDARD_SPRITE_PX, STANDARD_SPRITE_PX / 2, STANDARD_SPRITE_PX / 2, ratio, (context) => {
          const course = (turn / COURSES) * 2 * Math.PI
          context.strokeStyle = ours ? colours.ours : colours.theirs
          context.lineWidth = 2
          context.beginPath()
          context.moveTo(0, 0)
          context.lineTo(COURSE_PX * Math.cos(course), COURSE_PX * Math.sin(course))
          context.stroke()
          context.drawImage(image, -x, -y, image.width / ratio, image.height / ratio)
        })
      }
    }
  }
  return made
}

/** The symbol, with a rim of another colour where one is given. */
function arrow(context: OffscreenCanvasRenderingContext2D, isOurs: boolean, colour: string, halo: string): void {
  context.beginPath()
  if (isOurs) {
    context.moveTo(9, 0)
    context.lineTo(-6, 6)
    context.lineTo(-3, 0)
    context.lineTo(-6, -6)
    context.closePath()
  } else {
    context.arc(0, 0, 5, 0, 2 * Math.PI)
    context.moveTo(5, 0)
    context.lineTo(13, 0)
  }
  if (halo) {
    context.strokeStyle = halo
    context.lineWidth = 4
    context.stroke()
  }
  context.strokeStyle = colour
  context.fillStyle = colour
  context.lineWidth = 2
  if (isOurs) context.fill()
  context.stroke()
}
