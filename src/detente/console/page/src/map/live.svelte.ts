// The live picture as the page has it: whether it is wanted, what the worker has told of it, and whether it goes on. What
// has stopped must not look alive.

import { watch } from '../node/watch.svelte'
import type { LiveTrack } from '../node/types'
import type { LiveNews } from './live_tracks'
import { scene } from './scene.svelte'

const TICK_MS = 250
/** A picture comes once a second; this is two seconds without, and nearly five. */
const FRESH_TICKS = 8
const MOST_MISSED = 19

class Live {
  news = $state.raw<LiveNews | null>(null)
  cameMs = $state(0)
  /** The text by which a person looks for tracks; null while nobody does. */
  search = $state<string | null>(null)
  /** No picture came for nearly five seconds, while one should. */
  isStale = $state(false)
  readonly isWanted = $derived(watch.runs && scene.isNow)
  readonly isShown = $derived(watch.isThere && scene.isNow)
  /** The tracks that are selected or that the selected alert is about. */
  readonly followed = $derived.by(() => {
    const { selected } = scene
    if (selected?.kind === 'track') return [selected.id]
    return selected?.kind === 'alert' ? (watch.alerts.find((one) => one.alert.key === selected.id)?.alert.tracks ?? []) : []
  })
  /** Ticks, not time: what holds the whole page up for a moment holds the ticks up as well. */
  #missed = 0

  came(news: LiveNews): void {
    this.news = news
    this.cameMs = Date.now()
    this.#missed = 0
    this.isStale = false
    watch.heard(news.atS)
  }

  /** Whether pictures come as they should: each is drawn when it comes. */
  get isFresh(): boolean {
    return this.isWanted && this.#missed < FRESH_TICKS
  }

  trackOf(id: string): LiveTrack | undefined {
    return this.news?.followed.find((one) => one.track_id === id)
  }

  /** Watch until the function that is returned is called. */
  follow(): () => void {
    const timer = setInterval(() => {
      if (!this.isWanted || document.visibilityState !== 'visible') {
        this.#missed = 0
        this.isStale = false
      } else if (++this.#missed >= MOST_MISSED) this.isStale = true
    }, TICK_MS)
    return () => clearInterval(timer)
  }
}

export const live = new Live()
