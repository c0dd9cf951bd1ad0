// The flights that the map shows, compiled once for each revision of a plan.

import { store } from '../node/store.svelte'
import type { PlanRecord } from '../node/types'
import { scene } from './scene.svelte'
import { type Flight, flightOf } from './shapes'
import { Traffic } from './traffic'

const compiled = new WeakMap<PlanRecord, Flight>()

function compile(record: PlanRecord): Flight {
  const known = compiled.get(record)
  if (known) return known
  const made = flightOf(record)
  compiled.set(record, made)
  return made
}

function trafficOf(records: Iterable<PlanRecord>): Traffic {
  const flights: Flight[] = []
  for (const record of records) {
    if (record.state === 'declared' || record.state === 'active') flights.push(compile(record))
  }
  return new Traffic(flights)
}

class Shown {
  /** Ours and what we were told; or what the other side was told of us, while the map shows that. */
  readonly traffic = $derived(trafficOf(scene.theirView?.plans ?? store.plans.values()))
}

export const shown = new Shown()
