// Lines of the ground: coasts, borders of states, and boundaries that were loaded.

import type { View } from './mercator'

/** A line in the unit square, and the box around it. */
export interface Line { xs: Float64Array; ys: Float64Array; minX: number; maxX: number; minY: number; maxY: number }

/** Put a line into the path of a context, wherever the world shows it. */
export function trace(context: OffscreenCanvasRenderingContext2D, view: View, { xs, ys, minX, maxX, minY, maxY }: Line, closed: boolean): void {
  const halfX = view.width / 2 / view.scale
  const halfY = view.height / 2 / view.scale
  if (maxY < view.y - halfY || minY > view.y + halfY) return
  for (const turn of [-1, 0, 1]) {
    if (maxX + turn < view.x - halfX || minX + turn > view.x + halfX) continue
    const offsetX = view.width / 2 + (turn - view.x) * view.scale
    const offsetY = view.height / 2 - view.y * view.scale
    let lastX = NaN
    let lastY = NaN
    for (let k = 0; k < xs.length; k++) {
      const px = (xs[k] as number) * view.scale + offsetX
      const py = (ys[k] as number) * view.scale + offsetY
      if (k === 0) context.moveTo(px, py)
      else if (Math.abs(px - lastX) > 0.7 || Math.abs(py - lastY) > 0.7 || k === xs.length - 1) context.lineTo(px, py)
      else continue
      lastX = px
      lastY = py
    }
    if (closed) context.closePath()
  }
}
