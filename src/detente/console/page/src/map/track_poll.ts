// The worker asks the node itself what flies, once a second: thousands of tracks are read where they are drawn.

import type { TrackTable } from './live_tracks'

const PATH = '/watch/tracks'
const EVERY_MS = 1000
const SOONEST_MS = 200
const LONGEST_MS = 10_000

export class TrackPoll {
  private on = false
  private runs = false
  private tag = ''

  /** `came` is called with each picture that is another one than before. */
  constructor(private readonly came: (table: TrackTable) => void) {}

  turn(on: boolean): void {
    this.on = on
    if (on && !this.runs) void this.run()
  }

  private async run(): Promise<void> {
    this.runs = true
    while (this.on) {
      const began = Date.now()
      try {
        await this.ask()
      } catch {
        // The node is away, or says what cannot be read: what is shown grows old, and looks so.
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(EVERY_MS - (Date.now() - began), SOONEST_MS)))
    }
    this.runs = false
  }

  private async ask(): Promise<void> {
    const response = await fetch(PATH, {
      credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(LONGEST_MS), headers: this.tag ? { 'If-None-Match': this.tag } : {},
    })
    if (!response.ok) return
    const table = (await response.json()) as TrackTable
    this.came(table)
    this.tag = response.headers.get('ETag') ?? ''
  }
}
