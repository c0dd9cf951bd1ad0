// What the node's HTTP API gives, as far as the console reads it. The names are those of /openapi.json.

export interface Position { latitude_deg: number; longitude_deg: number }
export interface Reference { kind: string; pressure_hpa?: number; field_elevation_m?: number; elevation_m?: number }
export interface Altitude { value: number; unit: 'm' | 'ft' | 'FL'; reference: Reference }
export interface Band { lower: Altitude; upper: Altitude }
export interface Window { start: string; end: string }
export type Area =
  | { kind: 'circle'; centre: Position; radius_m: number }
  | { kind: 'polygon'; vertices: Position[] }
export interface Volume { kind?: 'volume'; area: Area; altitude: Band; time: Window }
export interface Waypoint { position: Position; altitude: Altitude; time: string }
export interface Containment { lateral_m: number; vertical_m: number; along_time_s: number }
export interface Trajectory { kind: 'trajectory'; waypoints: Waypoint[]; containment: Containment }
export interface Plan { plan_id: string; intent: Trajectory | Volume[]; aircraft_class?: string }
export interface PlanRecord { party: string; plan: Plan; revision: number; state: string; changed_at: string }
export interface PlanReference { party: string; plan_id: string; revision: number }

export interface Encounter {
  start: string; end: string
  closest_first_time: string; closest_second_time: string
  closest_first_position: Position; closest_second_position: Position
  closest_first_altitude_m: number; closest_second_altitude_m: number
  horizontal_m: number; vertical_m: number
  required_horizontal_m: number; required_vertical_m: number
}
export interface Conflict { conflict_id: string; first: PlanReference; second: PlanReference; encounter: Encounter }
export interface ConflictRecord { conflict: Conflict; found_at: string; measures: string[]; no_measure: [string, string][] }
export type Change =
  | { kind: 'delay'; delay_s: number }
  | { kind: 'level_change'; change_m: number }
  | { kind: 'lateral_offset'; offset_m: number }
export interface Measure {
  measure_id: string; conflict_id: string; proposer: string; owner: string; change: Change; plan: Plan; cost?: number
}
export interface MeasureRecord { measure: Measure; state: string; proposed_at: string; reason?: string }
export interface RankedChange { change: Change; cost: number; plan: Plan }
export interface FoundMeasures { measures: RankedChange[]; none: { reason: string } | null }

export interface Notice {
  notice_id: string; party: string; meaning: string; volume: Volume; given_at: string; plan_id?: string | null
}
export interface NoticeRecord { notice: Notice; revision: number; state: string; late_by_s: number }
export interface ZoneTerms {
  owner: string; meaning: string; area: Area; altitude: Band; time: Window
  contact_at_m?: number | null; hold_outside_m?: number | null
}
export interface PendingZone { version: string; terms: ZoneTerms; proposed_by: string; at: string; waits_for: string; overdue_s: number }
export interface Zone { peer: string; zone_id: string; standing: string; agreed: ZoneTerms | null; pending: PendingZone[] }

export interface Picture {
  party: string; plans: PlanRecord[]; notices: NoticeRecord[]; conflicts: ConflictRecord[]; measures: MeasureRecord[]
}

export interface Delivery {
  standing: 'not_delivered' | 'delivered' | 'shown' | 'with_a_person'
  why: string | null; detail: string; post: string | null; seconds: number | null
}
export interface Difference { name: string; meant: string; read: string }
export interface Receipt { kind: string; at: string; post?: string }
export interface LineMessage {
  peer: string; message_id: string; ours: boolean; code: string; message_class: string; sent_at: string
  text: string; pronunciation: string; free_text: string | null; answers: string | null; carrier: string
  receipts: Receipt[]; standing_post: string | null; taken_by: string | null; must_be_read_back: boolean
  understood: boolean; differences: Difference[]; overdue: boolean; read_back: string[]; voice_code: string
  near: string[]; delivery: Delivery | null; posts: string[]; out_of_order: boolean; sent_at_off_s: number | null
}
export interface LineTerms {
  ladder: { post: string; after_s: number }[]
  radio: { frequency_khz: number; use: string }[]
  silent_after_s: number
}
export interface PeerLine {
  standing: { quality: 'live' | 'degraded' | 'silent'; faults: string[] }; asked: number; theirs: unknown; alarms: unknown[]
}
export interface Watch { post: string; shift: string; since: string; languages: string[] }
export interface Line {
  party: string; lines: Record<string, PeerLine>; terms: Record<string, LineTerms>
  suspended_by: Record<string, string[]>; watches: Watch[]; waiting: string[]; undelivered: string[]
  deliveries: Record<string, Delivery>
}
export interface Code {
  code: string; message_class: string; parameters: Record<string, string>; must_be_read_back: boolean
  answers: string[]; text: string; pronunciation: string
}
export interface Channel { sent: number; receipted: number; received: number; delivery: { state: string; detail: string } | null }
export interface Peer {
  name: string; paired: boolean; heard_at: string | null; silence_allowed_s: number | null; channels: Record<string, Channel>
}
export interface AccordParty {
  name: string; public_key: string; authority_key?: string; posts?: string[]; coalition?: boolean
  telephones?: { post: string; number: string }[]
}
export interface Minima { horizontal_m: number; vertical_m: number; time_s: number }
export interface MinimaTable { default: Minima; by_class: { first_class: string; second_class: string; minima: Minima }[] }
export interface AccordTerms {
  name: string; version: number; parties: AccordParty[]; valid: Window; disclosure: string; minima: MinimaTable
  provisions: Record<string, unknown> & { suspension: { posts: string[] | null }; matching: { runs: string } }
}
export interface AccordView {
  peer: string; accord_hash: string; name: string; version: number; standing: string; valid: Window
  proposed_by: string[]; authorised_by: string[]; suspended_by: string[]; terms: AccordTerms
  record: {
    text: string; proposals: { party: string; at: string; answers: string }[]
    authorisations: { party: string; at: string; signature: string }[]; suspensions: { party: string; signature?: string }[]
  }
}
export interface Session { session: string; person: string; address: string; used_at: string; credential: string; own: boolean }
export interface Passkey { passkey: string; person: string; name: string; rp_id: string; added_at: string; used_at: string | null }
/** Who is signed in, and the routes that the node lets him ask. */
export interface Me {
  person: string; role: string; posts: string[]; way: string; session: string; expires_at: string | null; may: string[]
}
export interface Status {
  party: string; plans: Record<string, number>; conflicts_open: number; journal_number: number; alarms: string[]
  stops_undelivered: string[]; stops_without_person: string[]; disk: { state: string }; exercise: boolean; boundaries: string
}
export interface HandOver {
  post: string; shift: string; since: string; until: string; sent: number; heard: number; stops: number
  longest_to_first_human_s: number; unanswered: string[]; not_understood: string[]; not_read_back: string[]
  undelivered: string[]; lines: [string, { quality: string }][]; alarms: string[]; radio_overdue: string[]; ours_alone: string[]
}
export interface Told { at: string; kind: string; what: string; level: string; because: string; content: unknown }
export interface Problem { code: string; field: string; value: string; expected: string; mend: string; message: string }

export interface TermDifference { alteration: 'added' | 'removed' | 'changed'; term: string; before?: string; after?: string }
export interface FileImported {
  imported: { declared: number; amended: number; unchanged: number; conflicts_found: number }
  left_out: Record<string, number>
}
export interface JournalEntry { number: number; at: string; kind: string; text: string; size_bytes: number }
export interface JournalSearch { entries: JournalEntry[]; next_before: number | null }
export interface MatchRun {
  run: {
    run: string; peer: string; epoch: string; state: string; opened: number; seen: number; reason: string; remark: string
    outcome: { in_conflict: string[]; cleared: string[] } | null
  }
  doing: string; done: number; total: number; transcripts_equal: boolean | null
}
/** The parts of our plans that a run opened to the peer, and those of the peer's that it opened to us. */
export interface RunParts { opened: { plan_id: string; piece: Plan }[]; seen: Plan[] }
export interface Ledger { peer: string; told: { runs: number; broken: number; opened: number; seen: number; share: number } }
export interface Review {
  peer: string; review_id: string; start: string; end: string; equal: boolean | null
  difference: { place: string; ours: string; theirs: string } | null
  review: { conflicts: number; envelopes: number; parties: unknown } | null
}
export interface Incident {
  peer: string; ours: boolean; due: string; state: string; overdue: boolean
  incident: { incident_id: string; party: string; incident_class: string; reported_at: string; words?: string | null }
}
/** A line on the map: longitude before latitude. */
export interface GivenLine { name: string; points: [number, number][] }
export interface BoundarySet { name: string; lines: GivenLine[] }
export interface BoundariesAdded { name: string; lines: number; points: number; left_out: Record<string, number> }

export type Side = 'ours' | 'theirs' | 'unknown'
export type AlertLevel = 'preventive' | 'corrective' | 'warning'
/** A track as an alert has it: what is not known is not there. */
export interface TrackOfAlert {
  track_id: string; latitude_deg: number; longitude_deg: number; callsign?: string; addresses?: string[]; identities?: string[]
  pressure_altitude_m?: number; geometric_altitude_m?: number
}
export interface WayOut { track_id: string; turn_deg?: number; climb_m?: number; speed_mps?: number }
export interface Alert {
  key: string; kind: string; level: AlertLevel; at_s: number; reason: string; tracks?: string[]; sides?: Side[]
  figures?: Record<string, number | string>; due_s?: number; place?: Position & { pressure_altitude_m?: number }
  subject?: string; way_out?: WayOut; doubts?: string[]
}
export interface AlertView {
  alert: Alert; tracks: TrackOfAlert[]; since: string; waits: boolean; called: string; taken_by: string
  taken_at: string | null; ended_at: string | null
}
export interface FeedView { name: string; kind: string; standing: 'live' | 'silent' | 'away' | 'ended'; why: string; silent_s: number; rate: number; errors: number }
export interface Feeds { standing: { runs: boolean; since: string; why: string } | null; feeds: FeedView[]; not_kept: string; alerts_left_out: number; tracks_unusable: number; sightings_left_out: number; faults: Record<string, string[]> }
/** A track of the live picture: null is what is not known. */
export interface LiveTrack {
  track_id: string; age_s: number; latitude_deg: number; longitude_deg: number; horizontal_error_m: number
  pressure_altitude_m: number | null; geometric_altitude_m: number | null; vertical_error_m: number; geometric_error_m: number | null
  ground_speed_mps: number; track_deg: number; vertical_speed_mps: number; side: Side; callsign: string
  addresses: string[]; identities: string[]; category: string; on_ground: boolean; feeds: string[]; sources: string[]; doubts: string[]
}
