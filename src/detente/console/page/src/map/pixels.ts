// A picture that is put together pixel by pixel. Thousands of small symbols cost a canvas most of a second on a machine
// without a GPU; copied from ready-made sprites into one array they cost milliseconds, and make no garbage.

/** Some pixels, each by its distance from the sprite's origin. `steps` is that in the array of a picture `stride` wide. */
interface Dots { dx: Int16Array; dy: Int16Array; colours: Int32Array; steps: Int32Array; stride: number }

/** The pixels of a sprite that are not empty: those that cover what is below, and those that let it shine through. */
export interface Sprite {
  solid: Dots; soft: Dots
  left: number; top: number; right: number; bottom: number
  /** How far the next sprite of a text stands, in pixels of the screen. */
  advance: number
}

const FAINTEST = 8
const SOLID = 250

export class Pixels {
  width = 0
  height = 0
  private readonly canvas = new OffscreenCanvas(1, 1)
  private readonly context = this.canvas.getContext('2d', { willReadFrequently: true })
  private image = new ImageData(1, 1)
  private words = new Int32Array(this.image.data.buffer)

  /** An empty picture of a size, in pixels of the screen. */
  begin(width: number, height: number): void {
    if (width === this.width && height === this.height) {
      this.words.fill(0)
      return
    }
    this.width = this.canvas.width = width
    this.height = this.canvas.height = height
    this.image = new ImageData(width, height)
    this.words = new Int32Array(this.image.data.buffer)
  }

  stamp(one: Sprite, x: number, y: number): void {
    const { width, height } = this
    if (x + one.right < 0 || y + one.bottom < 0 || x + one.left >= width || y + one.top >= height) return
    if (x + one.left >= 0 && y + one.top >= 0 && x + one.right < width && y + one.bottom < height) {
      this.cover(one.solid, y * width + x)
      this.soften(one.soft, y * width + x)
    } else {
      this.clip(one.solid, x, y)
      this.clip(one.soft, x, y)
    }
  }

  private cover(dots: Dots, base: number): void {
    const { words } = this
    const { colours } = dots
    const steps = stepsOf(dots, this.width)
    for (let k = 0; k < colours.length; k++) words[base + (steps[k] as number)] = colours[k] as number
  }

  /** The soft edge gives way to what is there already: to mix it in would cost more than all the rest. */
  private soften(dots: Dots, base: number): void {
    const { words } = this
    const { colours } = dots
    const steps = stepsOf(dots, this.width)
    for (let k = 0; k < colours.length; k++) {
      const at = base + (steps[k] as number)
      if ((words[at] as number) >>> 24 < (colours[k] as number) >>> 24) words[at] = colours[k] as number
    }
  }

  /** At the edge: only what is inside. */
  private clip({ dx, dy, colours }: Dots, x: number, y: number): void {
    const { words, width, height } = this
    for (let k = 0; k < colours.length; k++) {
      const atX = x + (dx[k] as number)
      const atY = y + (dy[k] as number)
      if (atX < 0 || atX >= width || atY < 0 || atY >= height) continue
      const at = atY * width + atX
      if ((words[at] as number) >>> 24 <= (colours[k] as number) >>> 24) words[at] = colours[k] as number
    }
  }

  /** A thin line that covers nothing that is there already; dashed where a length of dashes is given. */
  line(fromX: number, fromY: number, toX: number, toY: number, colour: number, dash = 0): void {
    const { words, width, height } = this
    const steps = Math.min(Math.ceil(Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY))), width + height)
    for (let k = 0; k <= steps; k++) {
      if (dash && Math.floor(k / dash) % 2) continue
      const share = steps ? k / steps : 0
      const x = Math.round(fromX + (toX - fromX) * share)
      const y = Math.round(fromY + (toY - fromY) * share)
      if (x < 0 || y < 0 || x >= width || y >= height) continue
      const at = y * width + x
      if (words[at] === 0) words[at] = colour
    }
  }

  /** A thin circle that covers nothing that is there already; dashed where a length of dashes is given. */
  ring(x: number, y: number, radius: number, colour: number, dash = 0): void {
    const { words, width, height } = this
    const steps = Math.ceil(2 * Math.PI * radius)
    for (let k = 0; k < steps; k++) {
      if (dash && Math.floor(k / dash) % 2) continue
      const angle = (2 * Math.PI * k) / steps
      const atX = Math.round(x + radius * Math.cos(angle))
      const atY = Math.round(y + radius * Math.sin(angle))
      if (atX < 0 || atY < 0 || atX >= width || atY >= height) continue
      const at = atY * width + atX
      if (words[at] === 0) words[at] = colour
    }
  }

  /** The picture, to be drawn on another canvas; null where this one was lost. */
  finished(): OffscreenCanvas | null {
    if (!this.context || this.context.isContextLost?.()) return null
    this.context.putImageData(this.image, 0, 0)
    return this.canvas
  }
}

function stepsOf(dots: Dots, stride: number): Int32Array {
  if (dots.stride !== stride) {
    dots.stride = stride
    for (let k = 0; k < dots.steps.length; k++) dots.steps[k] = (dots.dy[k] as number) * stride + (dots.dx[k] as number)
  }
  return dots.steps
}

/** Those pixels of a painted picture whose alpha is at least one value and less than another. */
function dots(painted: Int32Array, columns: number, originX: number, originY: number, least: number, below: number): Dots {
  const isOne = (word: number): boolean => word >>> 24 >= least && word >>> 24 < below
  let count = 0
  for (let k = 0; k < painted.length; k++) if (isOne(painted[k] as number)) count++
  const made = { dx: new Int16Array(count), dy: new Int16Array(count), colours: new Int32Array(count), steps: new Int32Array(count), stride: 0 }
  let at = 0
  for (let k = 0; k < painted.length; k++) {
    const word = painted[k] as number
    if (!isOne(word)) continue
    made.dx[at] = (k % columns) - originX
    made.dy[at] = Math.floor(k / columns) - originY
    made.colours[at++] = word
  }
  return made
}

const scratch = new OffscreenCanvas(1, 1)
const pen = scratch.getContext('2d', { willReadFrequently: true })

/** Paint a sprite: of a width and height around an origin, `ratio` pixels of the screen to one of the page. */
export function sprite(
  width: number, height: number, originX: number, originY: number, ratio: number, paint: (context: OffscreenCanvasRenderingContext2D) => void,
): Sprite {
  const columns = Math.max(1, Math.ceil(width * ratio))
  const rows = Math.max(1, Math.ceil(height * ratio))
  scratch.width = Math.max(scratch.width, columns)
  scratch.height = Math.max(scratch.height, rows)
  let painted = new Int32Array(0)
  if (pen) {
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.clearRect(0, 0, columns, rows)
    pen.setTransform(ratio, 0, 0, ratio, originX * ratio, originY * ratio)
    pen.save()
    paint(pen)
    pen.restore()
    painted = new Int32Array(pen.getImageData(0, 0, columns, rows).data.buffer)
  }
  const [left, top] = [Math.round(originX * ratio), Math.round(originY * ratio)]
  return {
    solid: dots(painted, columns, left, top, SOLID, 256), soft: dots(painted, columns, left, top, FAINTEST, SOLID),
    left: -left, top: -top, right: columns - left, bottom: rows - top, advance: columns,
  }
}

/** The width of a text in pixels of the page. */
export function textWidth(text: string, font: string): number {
  if (!pen) return 0
  pen.font = font
  return pen.measureText(text).width
}

/** A colour of the style as a word of an ImageData, with an alpha. */
export function wordOf(colour: string, alpha: number): number {
  if (!pen) return 0
  pen.setTransform(1, 0, 0, 1, 0, 0)
  pen.clearRect(0, 0, 1, 1)
  pen.fillStyle = colour
  pen.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data
  return (alpha << 24) | (blue << 16) | (green << 8) | red
}
