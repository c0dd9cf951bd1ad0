// What no event stream tells of is asked again for as long as its view is open.

const EVERY_MS = 3000

/** Calls a work now and every three seconds, until what is returned is called. */
export function again(work: () => Promise<void>): () => void {
  void work()
  const timer = setInterval(() => void work(), EVERY_MS)
  return () => clearInterval(timer)
}
