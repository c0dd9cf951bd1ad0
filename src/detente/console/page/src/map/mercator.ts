// Web Mercator for the map: the world is the unit square, x to the east from 180° W, y to the south.

import type { Position } from '../node/types'

const HIGHEST_DEG = 85.05
const EARTH_M = 40_075_016.7

export const xOf = (longitudeDeg: number): number => (longitudeDeg + 180) / 360

export function yOf(latitudeDeg: number): number {
  const sine = Math.sin((Math.min(Math.max(latitudeDeg, -HIGHEST_DEG), HIGHEST_DEG) * Math.PI) / 180)
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)
}

export function positionOf(x: number, y: number): Position {
  const wrapped = x - Math.floor(x)
  return {
    latitude_deg: (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI,
    longitude_deg: wrapped * 360 - 180,
  }
}

/** So much of the unit square is a metre along the ground at a latitude. */
export const unitsPerMetre = (latitudeDeg: number): number => 1 / (EARTH_M * Math.cos((latitudeDeg * Math.PI) / 180))

/** Great-circle distance in metres on a sphere: for gestures and labels; what counts is computed by the node. */
export function distanceM(a: Position, b: Position): number {
  const rad = Math.PI / 180
  const half = (value: number): number => Math.sin((value * rad) / 2) ** 2
  const h =
    half(b.latitude_deg - a.latitude_deg) +
    Math.cos(a.latitude_deg * rad) * Math.cos(b.latitude_deg * rad) * half(b.longitude_deg - a.longitude_deg)
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(h))
}

export interface Seen { x: number; y: number; scale: number; width: number; height: number }

/** What of the world a canvas shows. */
export class View implements Seen {
  x = 0.6
  y = 0.4
  /** Pixels from the west of the world to its east. */
  scale = 4000
  width = 1
  height = 1

  take({ x, y, scale, width, height }: Seen): void {
    Object.assign(this, { x, y, scale, width, height })
  }

  toScreenX(x: number): number {
    let dx = x - this.x
    if (dx > 0.5) dx -= 1
    else if (dx < -0.5) dx += 1
    return dx * this.scale + this.width / 2
  }

  toScreenY(y: number): number {
    return (y - this.y) * this.scale + this.height / 2
  }

  worldAt(px: number, py: number): [number, number] {
    return [this.x + (px - this.width / 2) / this.scale, this.y + (py - this.height / 2) / this.scale]
  }

  positionAt(px: number, py: number): Position {
    return positionOf(...this.worldAt(px, py))
  }

  zoom(factor: number, px: number, py: number): void {
    const [x, y] = this.worldAt(px, py)
    this.scale = Math.min(Math.max(this.scale * factor, 300), 3e7)
    this.x = x - (px - this.width / 2) / this.scale
    this.y = Math.min(Math.max(y - (py - this.height / 2) / this.scale, 0), 1)
  }

  pan(dx: number, dy: number): void {
    this.x -= dx / this.scale
    this.x -= Math.floor(this.x)
    this.y = Math.min(Math.max(this.y - dy / this.scale, 0), 1)
  }

  /** Show a box of the unit square with a margin. */
  show(minX: number, minY: number, maxX: number, maxY: number): void {
    this.x = (minX + maxX) / 2
    this.y = (minY + maxY) / 2
    const scale = Math.min((this.width * 0.8) / Math.max(maxX - minX, 1e-6), (this.height * 0.8) / Math.max(maxY - minY, 1e-6))
    this.scale = Math.min(Math.max(scale, 300), 400_000)
  }
}
