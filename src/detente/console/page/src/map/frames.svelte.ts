// Whether the map is really drawn: a picture that has stopped must not look alive.

const TICK_MS = 250
const MOST_MISSED = 11

class Frames {
  /** No frame was drawn for nearly three seconds, while the page could be seen. */
  stale = $state(false)
  /** Ticks, not time: what holds the whole page up for a moment holds the ticks up as well. */
  private missed = 0

  drawn(): void {
    this.missed = 0
    if (this.stale) this.stale = false
  }

  /** Watch until the function that is returned is called. */
  watch(): () => void {
    const timer = setInterval(() => {
      if (document.visibilityState !== 'visible') this.missed = 0
      else if (++this.missed >= MOST_MISSED && !this.stale) this.stale = true
    }, TICK_MS)
    return () => {
      clearInterval(timer)
      this.stale = false
    }
  }
}

export const frames = new Frames()
