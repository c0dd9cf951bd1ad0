// What the views share about the map: the time that is shown, what is selected, a ghost, and the gesture under way.

import type { Area, Notice, Plan, PlanRecord, Position } from '../node/types'

export type Selected = { kind: 'plan' | 'conflict' | 'zone' | 'notice' | 'track' | 'alert'; id: string } | null
export interface Ghost { party: string; plan: Plan }
export interface Gesture { kind: 'point' | 'circle' | 'polygon'; done: (area: Area | Position) => void }

/** A time bar that is moved is moved by a minute at least. */
const NOW_MS = 30_000

class Scene {
  /** Milliseconds from now to what is shown; 0 follows the clock. */
  offsetMs = $state(0)
  /** Where the middle of the time bar is, in milliseconds from now. */
  baseMs = $state(0)
  /** How many times faster than the clock it plays; 0 when it does not. */
  speed = $state(0)
  selected = $state.raw<Selected>(null)
  ghost = $state.raw<Ghost | null>(null)
  gesture = $state.raw<Gesture | null>(null)
  drawing = $state.raw<Position[]>([])
  /** What one side knows, while the map shows that instead of the picture: they of us, or we of them after a private match. */
  knownTo = $state.raw<{ who: 'them' | 'us'; plans: PlanRecord[]; notices: Notice[] } | null>(null)
  /** When the flights of the map start, the earliest first. */
  starts = $state.raw<Float64Array>(new Float64Array())
  /** Where the map is asked to go: a box of positions. */
  goTo = $state.raw<Position[] | null>(null)

  /** Whether the time that is shown is now: what is live belongs on the map then alone. */
  get isNow(): boolean {
    return Math.abs(this.offsetMs) <= NOW_MS && !this.knownTo
  }

  /** Show another day, playing at a speed. */
  goToTime(ms: number, speed: number): void {
    this.baseMs = this.offsetMs = ms - Date.now()
    this.speed = speed
  }

  select(kind: NonNullable<Selected>['kind'], id: string): void {
    this.selected = { kind, id }
    this.ghost = null
  }

  ask(kind: Gesture['kind'], done: Gesture['done']): void {
    this.drawing = []
    this.gesture = { kind, done }
  }

  cancel(): void {
    this.gesture = null
    this.drawing = []
  }
}

export const scene = new Scene()
