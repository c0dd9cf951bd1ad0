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
  private readonly canvas = document.createElement('canvas')
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
      this.blend(one.soft, y * width + x)
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

  private blend(dots: Dots, base: number): void {
    const { words } = this
    const { colours } = dots
    const steps = stepsOf(dots, this.width)
    for (let k = 0; k < colours.length; k++) {
      const at = base + (steps[k] as number)
      const under = words[at] as number
      words[at] = under === 0 ? (colours[k] as number) : over(colours[k] as number, under)
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
      const under = words[at] as number
      words[at] = under === 0 ? (colours[k] as number) : over(colours[k] as number, under)
    }
  }

  /** A thin line that covers nothing that is there already. */
  line(fromX: number, fromY: number, toX: number, toY: number, colour: number): void {
    const { words, width, height } = this
    const steps = Math.min(Math.ceil(Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY))), width + height)
    for (let k = 0; k <= steps; k++) {
      const share = steps ? k / steps : 0
      const x = Math.round(fromX + (toX - fromX) * share)
      const y = Math.round(fromY + (toY - fromY) * share)
      if (x < 0 || y < 0 || x >= width || y >= height) continue
      const at = y * width + x
      if (words[at] === 0) words[at] = colour
    }
  }

  /** The picture, to be drawn on another canvas; null where this one was lost. */
  finished(): HTMLCanvasElement | null {
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

/** A colour over another, both with their alpha, as pixels of an ImageData are (not premultiplied). */
function over(colour: number, under: number): number {
  const alpha = colour >>> 24
  const below = ((under >>> 24) * (255 - alpha)) / 255
  const whole = alpha + below
  const share = alpha / whole
  const red = (colour & 255) * share + (under & 255) * (1 - share)
  const green = ((colour >>> 8) & 255) * share + ((under >>> 8) & 255) * (1 - share)
  const blue = ((colour >>> 16) & 255) * share + ((under >>> 16) & 255) * (1 - share)
  return (whole << 24) | (blue << 16) | (green << 8) | red
}

function dots(found: [number, number, number][]): Dots {
  return {
    dx: Int16Array.from(found, (one) => one[0]), dy: Int16Array.from(found, (one) => one[1]),
    colours: Int32Array.from(found, (one) => one[2]), steps: new Int32Array(found.length), stride: 0,
  }
}

const scratch = document.createElement('canvas')
const pen = scratch.getContext('2d', { willReadFrequently: true })

/** Paint a sprite: of a width and height around an origin, `ratio` pixels of the screen to one of the page. */
export function sprite(
  width: number, height: number, originX: number, originY: number, ratio: number, paint: (context: CanvasRenderingContext2D) => void,
): Sprite {
  const found: [number, number, number][] = []
  const columns = Math.max(1, Math.ceil(width * ratio))
  const rows = Math.max(1, Math.ceil(height * ratio))
  if (pen) {
    scratch.width = columns
    scratch.height = rows
    pen.setTransform(ratio, 0, 0, ratio, originX * ratio, originY * ratio)
    paint(pen)
    const words = new Int32Array(pen.getImageData(0, 0, columns, rows).data.buffer)
    words.forEach((word, k) => {
      if (word >>> 24 >= FAINTEST) found.push([(k % columns) - Math.round(originX * ratio), Math.floor(k / columns) - Math.round(originY * ratio), word])
    })
  }
  const xs = found.map((one) => one[0])
  const ys = found.map((one) => one[1])
  return {
    solid: dots(found.filter((one) => one[2] >>> 24 >= SOLID)), soft: dots(found.filter((one) => one[2] >>> 24 < SOLID)), advance: columns,
    left: Math.min(...xs, 0), top: Math.min(...ys, 0), right: Math.max(...xs, 0), bottom: Math.max(...ys, 0),
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
  scratch.width = scratch.height = 1
  pen.fillStyle = colour
  pen.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data
  return (alpha << 24) | (blue << 16) | (green << 8) | red
}
