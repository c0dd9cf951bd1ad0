// A file of plans, dropped on the page or chosen: read by the node's own readers, with their refusals.

import { Refused, send } from './api'
import { store } from './store.svelte'
import type { FileImported } from './types'

const LONGEST_MS = 600_000

class PlanFile {
  /** The name of the file that is being read; empty when none is. */
  reading = $state('')
  done = $state.raw<FileImported | null>(null)
  error = $state.raw<unknown>(null)

  async read(files: FileList | null | undefined): Promise<void> {
    this.error = this.done = null
    for (const file of files ?? []) {
      this.reading = file.name
      try {
        this.done = await send<FileImported>(`/plans/file?name=${encodeURIComponent(file.name)}`, file, LONGEST_MS)
      } catch (failure) {
        this.error = failure instanceof Refused ? failure : new Refused(0, null, String(failure))
        break
      }
    }
    this.reading = ''
    store.refresh('picture', 'status')
  }
}

export const planFile = new PlanFile()
