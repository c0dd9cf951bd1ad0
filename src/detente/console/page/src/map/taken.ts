// Which parts of the map have a label: the next one there is left out.

const CELL_WIDTH_PX = 16
const CELL_HEIGHT_PX = 7
/** Where a label stands from what it names, and how large it is. */
const LEFT_PX = 9
const ABOVE_PX = 15
const WIDTH_PX = 80
const HEIGHT_PX = 12

export class Taken {
  private columns = 0
  private cells = new Uint8Array(0)

  begin(width: number, height: number): void {
    this.columns = Math.ceil((width + LEFT_PX + WIDTH_PX) / CELL_WIDTH_PX) + 1
    const count = this.columns * (Math.ceil(height / CELL_HEIGHT_PX) + 1)
    if (this.cells.length === count) this.cells.fill(0)
    else this.cells = new Uint8Array(count)
  }

  /** Take the place of the label of what is here; false, and nothing taken, where another one stands in it. */
  claim(x: number, y: number, widthPx = WIDTH_PX, heightPx = HEIGHT_PX): boolean {
    const left = Math.max(Math.floor((x + LEFT_PX) / CELL_WIDTH_PX), 0)
    const right = Math.min(Math.floor((x + LEFT_PX + widthPx) / CELL_WIDTH_PX), this.columns - 1)
    const top = Math.max(Math.floor((y - ABOVE_PX) / CELL_HEIGHT_PX), 0)
    const bottom = Math.floor((y - ABOVE_PX + heightPx) / CELL_HEIGHT_PX)
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        if (this.cells[row * this.columns + column]) return false
      }
    }
    for (let row = top; row <= bottom; row++) this.cells.fill(1, row * this.columns + left, row * this.columns + right + 1)
    return true
  }
}
