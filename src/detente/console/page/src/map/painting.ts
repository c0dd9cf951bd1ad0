// The page and the worker that draws its map: what they tell each other, and the page's side of it. However much moves,
// the page itself stays free for the keys and for STOP.

import type { GivenLine, PlanRecord } from '../node/types'
import type { AlertMark } from './alert_marks'
import type { BaseColours } from './base'
import type { Colours, Found, Layer } from './draw'
import type { LiveNews } from './live_tracks'
import { buffersOf, pack, type Packed } from './packed'

export interface Shown { layer: Layer; colours: Colours & BaseColours }
export interface Frame {
  ms: number; ratio: number; x: number; y: number; scale: number; width: number; height: number
  /** Whether the ground is drawn as well as what lies over it. */
  ground: boolean
  /** Whether what is live is shown. */
  live: boolean
  /** What is shown, where it is not what the frame before has shown. */
  shown: Shown | null
}
export type ToPainter =
  | { kind: 'canvases'; ground: OffscreenCanvas; moving: OffscreenCanvas }
  | { kind: 'plans'; packed: Packed; gone: string[] }
  | { kind: 'boundaries'; lines: GivenLine[] }
  /** Whether the node is asked what flies, the tracks of which the page is to hear everything, and what is looked for. */
  | { kind: 'live'; on: boolean; followed: string[]; search: string | null }
  | { kind: 'alerts'; marks: AlertMark[] }
  | { kind: 'frame'; frame: Frame }
  | { kind: 'what_is_at'; x: number; y: number; withinPx: number }
/** The flights that are drawn: when they start, the earliest first, and the box around them, west to east, north to south. */
export interface Extent { starts: Float64Array; box: [number, number, number, number] | null }
export type FromPainter =
  /** The names of the boundaries that are written on the ground; null where that was not drawn. */
  | { kind: 'drawn'; named: string[] | null }
  /** Something that the ground is drawn with has come, or has not. */
  | { kind: 'loaded'; problem: string }
  | { kind: 'extent'; extent: Extent }
  | { kind: 'found'; found: Found | null }
  /** Another picture of what flies has come. */
  | { kind: 'live'; news: LiveNews }

interface Heard {
  drawn: (named: string[] | null) => void; live: (news: LiveNews) => void; loaded: (problem: string) => void; extent: (extent: Extent) => void
}

export class Painting {
  private readonly worker = new Worker(new URL('./painter.ts', import.meta.url), { type: 'module' })
  private sent = new Map<string, PlanRecord>()
  private shown: Shown | null = null
  /** A frame is under way: the next one waits for it, so that a slow worker has never more than one to do. */
  private busy = false
  private next: Frame | null = null
  private readonly asked: ((found: Found | null) => void)[] = []

  constructor(ground: HTMLCanvasElement, moving: HTMLCanvasElement, heard: Heard) {
    this.worker.onmessage = ({ data }: MessageEvent<FromPainter>) => {
      if (data.kind === 'drawn') {
        this.busy = false
        heard.drawn(data.named)
        if (this.next) this.draw(this.next)
      } else if (data.kind === 'loaded') heard.loaded(data.problem)
      else if (data.kind === 'live') heard.live(data.news)
      else if (data.kind === 'extent') heard.extent(data.extent)
      else this.asked.shift()?.(data.found)
    }
    const canvases = { ground: ground.transferControlToOffscreen(), moving: moving.transferControlToOffscreen() }
    this.tell({ kind: 'canvases', ...canvases }, [canvases.ground, canvases.moving])
  }

  /** All plans that are shown; only those that have changed since are sent. */
  plans(records: Iterable<PlanRecord>): void {
    const all = new Map<string, PlanRecord>()
    const changed: PlanRecord[] = []
    for (const record of records) {
      const key = `${record.party}/${record.plan.plan_id}`
      all.set(key, record)
      if (this.sent.get(key) !== record) changed.push(record)
    }
    const gone = [...this.sent.keys()].filter((key) => !all.has(key))
    this.sent = all
    if (!changed.length && !gone.length) return
    const packed = pack(changed)
    this.tell({ kind: 'plans', packed, gone }, buffersOf(packed))
  }

  boundaries(lines: GivenLine[]): void {
    this.tell({ kind: 'boundaries', lines })
  }

  live(on: boolean, followed: string[], search: string | null): void {
    this.tell({ kind: 'live', on, followed, search })
  }

  alerts(marks: AlertMark[]): void {
    this.tell({ kind: 'alerts', marks })
  }

  draw(frame: Frame): void {
    if (this.busy) {
      this.next = { ...frame, ground: frame.ground || (this.next?.ground ?? false) }
      return
    }
    this.next = null
    this.tell({ kind: 'frame', frame: { ...frame, shown: frame.shown === this.shown ? null : frame.shown } })
    this.busy = true
    this.shown = frame.shown
  }

  /** What is nearest to a place on the screen, as it was drawn last. */
  at(x: number, y: number, withinPx: number): Promise<Found | null> {
    this.tell({ kind: 'what_is_at', x, y, withinPx })
    return new Promise((resolve) => this.asked.push(resolve))
  }

  end(): void {
    this.worker.terminate()
  }

  private tell(message: ToPainter, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer)
  }
}
