// What the watch of the node says: the alerts that stand, and how it and its feeds stand. The tracks themselves go to the
// worker that draws them. It is asked apart from all else, so that a long answer holds no alert up.

import { get } from './api'
import type { AlertView, Feeds } from './types'

const EVERY_MS = 1000
/** Without news it is asked so seldom. */
const QUIET_TURNS = 5
const LEVELS = ['preventive', 'corrective', 'warning'] as const
const CLOCKS_DIFFER_MS = 3000
/** So much of it with each picture: clocks are set. */
const FORGOTTEN_MS = 20

export const levelNumber = (view: AlertView): number => LEVELS.indexOf(view.alert.level) + 1

class Watch {
  /** Those that nobody has come first, of them the most urgent, of those what comes next. */
  alerts = $state.raw<AlertView[]>([])
  feeds = $state.raw<Feeds | null>(null)
  /** How far the node's clock is ahead of this one, in milliseconds; 0 where that is not worth a word. */
  aheadMs = $state(0)
  readonly waiting = $derived(this.alerts.filter((one) => one.waits))
  readonly runs = $derived(this.feeds?.standing?.runs ?? false)
  /** Whether this node has feeds, or should have some. */
  readonly isThere = $derived((this.feeds?.standing ?? null) !== null || (this.feeds?.feeds.length ?? 0) > 0)
  #turns = 0
  #greatestAheadMs = -Infinity
  #asking = false

  start(): void {
    setInterval(() => void this.#turn(), EVERY_MS)
    void this.#turn()
  }

  /** Something has changed: it is asked at once. */
  changed(): void {
    this.#turns = 0
    void this.#turn()
  }

  /** The picture of this time of the node has come. */
  heard(atS: number): void {
    // A picture that was long on its way seems to come from a clock that is slow: the one that came fastest counts.
    const ahead = Math.max(atS * 1000 - Date.now(), this.#greatestAheadMs - FORGOTTEN_MS)
    this.#greatestAheadMs = ahead
    this.aheadMs = Math.abs(ahead) > CLOCKS_DIFFER_MS ? ahead : 0
  }

  async #turn(): Promise<void> {
    if (this.#asking) return
    const isDue = this.#turns++ % QUIET_TURNS === 0
    if (!isDue && !this.alerts.length) return
    this.#asking = true
    try {
      const alerts = await get<AlertView[]>('/watch/alerts')
      // An object that stays the same makes nobody look again.
      if (alerts.length || this.alerts.length) this.alerts = alerts.sort(byUrgency)
      if (isDue) this.feeds = await get<Feeds>('/watch/feeds')
    } catch {
      // A node that is away is said by the bar; what is asked next turn may be answered.
    } finally {
      this.#asking = false
    }
  }
}

function byUrgency(a: AlertView, b: AlertView): number {
  return Number(b.waits) - Number(a.waits) || levelNumber(b) - levelNumber(a)
    || (a.alert.due_s ?? Infinity) - (b.alert.due_s ?? Infinity) || a.since.localeCompare(b.since) || a.alert.key.localeCompare(b.alert.key)
}

export const watch = new Watch()
