// Aircraft as APP-6 and MIL-STD-2525 draw them: friendly is ours, neutral is the other side. Nothing else is ever drawn.

import { ms, numberair } from 'milsymbol-parts'

/** A symbol, and where in it the place is that it stands for, in pixels of the page. */
export interface DrawnSymbol { image: OffscreenCanvas; x: number; y: number }
export type StandardSymbol = (isOurs: boolean, isUncrewed: boolean, sizePx: number, ratio: number) => DrawnSymbol

const FRIEND = '3'
const NEUTRAL = '4'
/** What kind of aircraft it is: not said, or uncrewed. */
const AIRCRAFT = '000000'
const UNCREWED = '110300'

ms.addIcons(numberair)

export const standardSymbol: StandardSymbol = (isOurs, isUncrewed, sizePx, ratio) => {
  const sidc = `100${isOurs ? FRIEND : NEUTRAL}010000${isUncrewed ? UNCREWED : AIRCRAFT}0000`
  const made = new ms.Symbol(sidc, { size: sizePx, outlineWidth: 4, outlineColor: 'rgb(255,255,255)' })
  return { image: made.asOffscreenCanvas(ratio), ...made.getAnchor() }
}
