// The boundaries on the party's map, as the node keeps them, and files of them that are added here.

import { get, post, segment, send } from './api'
import type { BoundariesAdded, BoundarySet } from './types'

const LONGEST_MS = 120_000

class Boundaries {
  sets = $state.raw<BoundarySet[]>([])
  /** The name of the file that is being read; empty when none is. */
  reading = $state('')
  added = $state.raw<BoundariesAdded | null>(null)
  error = $state.raw<unknown>(null)

  async load(): Promise<void> {
    await this.#try(async () => (this.sets = await get<BoundarySet[]>('/map/boundaries', LONGEST_MS)))
  }

  async add(files: FileList | null | undefined): Promise<void> {
    this.error = this.added = null
    for (const file of files ?? []) {
      this.reading = file.name
      await this.#try(async () => (this.added = await send<BoundariesAdded>(`/map/boundaries?file=${segment(file.name)}`, file, LONGEST_MS)))
      if (this.error) break
    }
    this.reading = ''
    if (!this.error) await this.load()
  }

  async remove(name: string): Promise<void> {
    this.error = this.added = null
    await this.#try(() => post(`/map/boundaries/${segment(name)}/remove`))
    if (!this.error) await this.load()
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (failure) {
      this.error = failure
    }
  }
}

export const boundaries = new Boundaries()
