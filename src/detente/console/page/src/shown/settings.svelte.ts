// How the page shows things to who sits here; kept in this browser.

const KEPT = { day: 'detente.theme', metresFirst: 'detente.units', loudness: 'detente.loudness', symbols: 'detente.symbols' } as const
const USUAL_LOUDNESS = 60
/** In hundredths of the loudest: a STOP is heard whatever is chosen. */
export const QUIETEST = 10
const LOUDEST_GAIN = 0.4

function keptLoudness(): number {
  const kept = Number(localStorage.getItem(KEPT.loudness))
  return kept >= QUIETEST && kept <= 100 ? kept : USUAL_LOUDNESS
}

/** Plain ones, or those of APP-6 and MIL-STD-2525. */
export type SymbolSet = 'plain' | 'standard'

class Settings {
  day = $state(localStorage.getItem(KEPT.day) === 'day')
  metresFirst = $state(localStorage.getItem(KEPT.metresFirst) === 'metres')
  symbols = $state<SymbolSet>(localStorage.getItem(KEPT.symbols) === 'standard' ? 'standard' : 'plain')
  loudness = $state(keptLoudness())

  get gain(): number {
    return (LOUDEST_GAIN * this.loudness) / 100
  }

  keep(): void {
    localStorage.setItem(KEPT.day, this.day ? 'day' : 'night')
    localStorage.setItem(KEPT.metresFirst, this.metresFirst ? 'metres' : 'feet')
    localStorage.setItem(KEPT.symbols, this.symbols)
    localStorage.setItem(KEPT.loudness, String(this.loudness))
  }
}

export const settings = new Settings()
