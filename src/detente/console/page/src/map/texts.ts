// Short texts on the map as sprites, each made once.

import { fit } from '../shown/text'
import { type Sprite, sprite, textWidth } from './pixels'

const MOST_TEXTS = 4000
const LONGEST_LABEL = 24
const LABEL_FONT = '11px "B612 Mono", monospace'

export class Texts {
  private readonly made = new Map<string, Sprite>()

  /** Letters, colours or the screen are others now. */
  clear(): void {
    this.made.clear()
  }

  of(text: string, colour: string, halo: string, ratio: number): Sprite {
    const key = `${colour} ${text}`
    const known = this.made.get(key)
    if (known) return known
    if (this.made.size >= MOST_TEXTS) this.made.clear()
    const shown = fit(text, LONGEST_LABEL)
    const one = sprite(textWidth(shown, LABEL_FONT) + 6, 18, 2, 13, ratio, (context) => {
      context.font = LABEL_FONT
      context.lineWidth = 3
      context.lineJoin = 'round'
      context.strokeStyle = halo
      context.strokeText(shown, 0, 0)
      context.fillStyle = colour
      context.fillText(shown, 0, 0)
    })
    this.made.set(key, one)
    return one
  }
}
