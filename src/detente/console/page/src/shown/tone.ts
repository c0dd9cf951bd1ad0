// The sounds of a STOP and of a warning of the watch.

/** The pitch of a STOP. */
export const STOP_HERTZ = 880
const LENGTH_S = 0.45

let sound: AudioContext | null = null

/** Sounds once; false where the browser lets no page sound before somebody has touched it. */
export function tone(gain: number, hertz = STOP_HERTZ): boolean {
  sound ??= new AudioContext()
  if (sound.state === 'suspended') {
    void sound.resume()
    return false
  }
  const oscillator = sound.createOscillator()
  const loud = sound.createGain()
  oscillator.frequency.value = hertz
  loud.gain.value = gain
  oscillator.connect(loud).connect(sound.destination)
  oscillator.start()
  oscillator.stop(sound.currentTime + LENGTH_S)
  return true
}
