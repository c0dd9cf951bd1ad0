// The node's event stream. Heartbeats are comments, which EventSource hides; here they show that the picture is alive.

export interface StreamEvent { id: number; kind: string; data: Record<string, unknown> }

const RETRY_MS = 1000
const BEAT_S = 1
/** So long without a beat, and the connection is given up: a network that fell silent breaks nothing off by itself. */
const GIVEN_UP_MS = 8000

/** Reads a stream for as long as the page lives, from the last event that was read, whatever happens in between. */
export function follow(path: string, after: number, told: (events: StreamEvent[]) => void, heard: () => void, lost: () => void): void {
  let last = after
  const run = async (): Promise<void> => {
    for (;;) {
      const given = new AbortController()
      let timer = setTimeout(() => given.abort(), GIVEN_UP_MS)
      try {
        const response = await fetch(`${path}?after=${last}&heartbeat_s=${BEAT_S}`, { credentials: 'same-origin', cache: 'no-store', signal: given.signal })
        if (response.ok && response.body) {
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
          let rest = ''
          for (;;) {
            const { done, value } = await reader.read()
            if (done) break
            heard()
            clearTimeout(timer)
            timer = setTimeout(() => given.abort(), GIVEN_UP_MS)
            const blocks = (rest + value).split('\n\n')
            rest = blocks.pop() ?? ''
            const events = blocks.map(parse).filter((event) => event !== null)
            for (const event of events) last = Math.max(last, event.id)
            if (events.length) told(events)
          }
        }
      } catch {
        // The node is away: it is tried again until it is back.
      }
      clearTimeout(timer)
      lost()
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
  void run()
}

function parse(block: string): StreamEvent | null {
  let id = 0
  let kind = ''
  let data = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('id: ')) id = Number(line.slice(4))
    else if (line.startsWith('event: ')) kind = line.slice(7)
    else if (line.startsWith('data: ')) data += line.slice(6)
  }
  return data ? { id, kind, data: JSON.parse(data) as Record<string, unknown> } : null
}
