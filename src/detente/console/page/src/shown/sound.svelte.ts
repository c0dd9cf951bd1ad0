// The sounds of a STOP and of a warning of the watch, and whether this browser lets the page sound at all.

/** The pitch of a STOP. */
export const STOP_HERTZ = 880
const LENGTH_S = 0.45

class Sound {
  /** A browser lets no page sound before somebody has touched it: this is said before the first alarm, not with it. */
  isOff = $state(true)
  #context: AudioContext | null = null

  /** Asks the browser for sound, now and whenever somebody touches the page, until what is returned is called. */
  watch(): () => void {
    const wake = (): void => this.#wake()
    wake()
    addEventListener('pointerdown', wake, true)
    addEventListener('keydown', wake, true)
    return () => {
      removeEventListener('pointerdown', wake, true)
      removeEventListener('keydown', wake, true)
    }
  }

  /** Sounds once, where that is allowed. */
  tone(gain: number, hertz = STOP_HERTZ): void {
    this.#wake()
    const context = this.#context
    if (context?.state !== 'running') return
    const oscillator = context.createOscillator()
    const loud = context.createGain()
    oscillator.frequency.value = hertz
    loud.gain.value = gain
    oscillator.connect(loud).connect(context.destination)
    oscillator.start()
    oscillator.stop(context.currentTime + LENGTH_S)
  }

  #wake(): void {
    if (this.#context?.state === 'running') return
    try {
      if (!this.#context) {
        this.#context = new AudioContext()
        this.#context.onstatechange = () => (this.isOff = this.#context?.state !== 'running')
      }
      // Refused until a person's touch; a change of the state says that it was granted.
      this.#context.resume().catch(() => undefined)
    } catch {
      // A machine without any sound: it stays off, and the bar says so.
    }
  }
}

export const sound = new Sound()
