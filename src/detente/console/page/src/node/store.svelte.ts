// What the console knows of its node. The event stream says what has changed; what changed is asked for again, so that
// every view is the node's own, and a connection that was lost is caught up without a reload.

import { get, Refused } from './api'
import { follow, type StreamEvent } from './stream'
import type {
  AccordView, ConflictRecord, Line, LineMessage, Me, MeasureRecord, NoticeRecord, Peer, Picture, PlanRecord, Status, Zone,
} from './types'
import { language } from '../shown/words.svelte'
import { watch } from './watch.svelte'

const TICK_MS = 250
/** The stream beats once a second. Ticks are counted, not time: what holds the page up holds them up as well. */
const SILENT_TICKS = 11
const POLL_MS = 5000
const LAST_MESSAGES = 300
const MANY_EVENTS = 40

class Store {
  now = $state(Date.now())
  party = $state('')
  /** When the node was last heard, and whether what is shown is current. */
  heardAt = $state(0)
  live = $state(false)
  signedOut = $state(false)
  problem = $state('')
  me = $state.raw<Me | null>(null)
  line = $state.raw<Line | null>(null)
  messages = $state.raw<LineMessage[]>([])
  peers = $state.raw<Peer[]>([])
  accords = $state.raw<AccordView[]>([])
  status = $state.raw<Status | null>(null)
  plans = $state.raw<Map<string, PlanRecord>>(new Map())
  notices = $state.raw<NoticeRecord[]>([])
  conflicts = $state.raw<ConflictRecord[]>([])
  measures = $state.raw<MeasureRecord[]>([])
  zones = $state.raw<Zone[]>([])

  #queued = new Set<string>()
  #plansQueued = new Set<string>()
  #running = false
  #silentTicks = 0

  get waiting(): LineMessage[] {
    return this.messages.filter((message) => !message.ours && message.taken_by === null)
  }

  /** Whether the node lets who is signed in ask a route, by its name there: 'POST /line/take'. */
  may(route: string): boolean {
    return this.me?.may.includes(route) ?? false
  }

  /** The accord in force with a peer: without one, or while it is suspended, nothing is planned with it. */
  inForce(peer: string): AccordView | undefined {
    return this.accords.find((one) => one.peer === peer && one.standing === 'in_force')
  }

  async start(): Promise<void> {
    setInterval(() => {
      this.now = Date.now()
      if (++this.#silentTicks >= SILENT_TICKS && this.live) this.live = false
    }, TICK_MS)
    await this.#first()
    setInterval(() => this.refresh('peers', 'status', 'line', 'me'), POLL_MS)
  }

  async #first(): Promise<void> {
    for (;;) {
      try {
        const [status, me] = await Promise.all([get<Status>('/status'), get<Me>('/me')])
        this.me = me
        this.party = status.party
        this.status = status
        this.signedOut = false
        follow('/events/all', status.journal_number, (events) => this.#told(events), () => this.#heard(), () => (this.live = false))
        this.refresh('line', 'peers', 'accords', 'picture', 'zones')
        watch.start()
        return
      } catch (error) {
        this.signedOut = error instanceof Refused && error.status === 401
        this.problem = error instanceof Error ? error.message : String(error)
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    }
  }

  #heard(): void {
    this.heardAt = Date.now()
    this.#silentTicks = 0
    this.live = true
  }

  #told(events: StreamEvent[]): void {
    const many = events.length > MANY_EVENTS
    for (const { kind, data } of events) {
      if (kind === 'watch') {
        watch.changed()
        continue
      }
      if (kind !== 'picture') {
        this.refresh(kind === 'zone' ? 'zones' : kind === 'accord' ? 'accords' : kind)
        continue
      }
      const name = String(data['event'] ?? '')
      if (name.startsWith('plan_') && !many) {
        const plan = (data['plan'] as { plan_id?: string } | undefined)?.plan_id ?? data['plan_id']
        if (typeof plan === 'string') this.#plansQueued.add(`${String(data['party'])}/${plan}`)
        this.refresh('plans')
      } else if (name.startsWith('notice_')) this.refresh('notices')
      else if (!many) this.refresh('conflicts')
      if (many) this.refresh('picture')
    }
  }

  /** Asks for parts again: each once, however often it is called before its turn. */
  refresh(...parts: string[]): void {
    for (const part of parts) this.#queued.add(part)
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    await Promise.resolve()
    while (this.#queued.size) {
      const part = this.#queued.values().next().value as string
      this.#queued.delete(part)
      try {
        await this.#ask(part)
        this.problem = ''
      } catch (error) {
        if (error instanceof Refused && error.status === 401) this.signedOut = true
        else if (error instanceof Refused && error.status === 0) {
          this.#queued.add(part)
          await new Promise((resolve) => setTimeout(resolve, 1000))
        } else this.problem = error instanceof Error ? error.message : String(error)
      }
    }
    this.#running = false
  }

  async #ask(part: string): Promise<void> {
    switch (part) {
      case 'line': {
        const [line, messages] = await Promise.all([
          get<Line>('/line'), get<LineMessage[]>(`/line/messages?last=${LAST_MESSAGES}&language=${language.current}`),
        ])
        this.line = line
        this.messages = messages
        return
      }
      case 'me': this.me = await get<Me>('/me'); return
      case 'peers': this.peers = await get<Peer[]>('/peers'); return
      case 'status': this.status = await get<Status>('/status'); return
      case 'accords': this.accords = await get<AccordView[]>('/accords'); return
      case 'zones': this.zones = await get<Zone[]>('/zones'); return
      case 'notices': this.notices = await get<NoticeRecord[]>('/notices'); return
      case 'conflicts': {
        const [conflicts, measures] = await Promise.all([
          get<{ open: ConflictRecord[] }>('/conflicts'), get<MeasureRecord[]>('/measures'),
        ])
        this.conflicts = conflicts.open
        this.measures = measures
        return
      }
      case 'plans': {
        const asked = [...this.#plansQueued]
        this.#plansQueued.clear()
        const plans = new Map(this.plans)
        for (const key of asked) {
          const record = await get<PlanRecord>(`/plans/${key.split('/').map(encodeURIComponent).join('/')}`)
          plans.set(key, record)
        }
        this.plans = plans
        return
      }
      case 'picture': {
        const picture = await get<Picture>('/picture', 120_000)
        this.plans = new Map(picture.plans.map((record) => [`${record.party}/${record.plan.plan_id}`, record]))
        this.notices = picture.notices
        this.conflicts = picture.conflicts
        this.measures = picture.measures
      }
    }
  }
}

export const store = new Store()
