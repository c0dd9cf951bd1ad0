// Who sits here: the post on watch, of those at which the node lets this person act; kept in this browser.

import { store } from '../node/store.svelte'

const KEPT = 'detente.post'
/** Where the node lets somebody act who has no post of his own and says none. */
const USUAL = 'watch'

class Officer {
  #chosen = $state(localStorage.getItem(KEPT) ?? '')

  /** The person's posts that a peer knows; every post that one knows for the owner of the node; '' for a person without any. */
  readonly posts = $derived.by(() => {
    const known = new Set(Object.values(store.line?.terms ?? {}).flatMap((terms) => terms.ladder.map((rung) => rung.post)))
    const me = store.me
    if (me?.way !== 'session') return known.size ? [...known] : [USUAL]
    const own = me.posts.length ? me.posts : ['']
    return known.size ? own.filter((post) => known.has(post || USUAL)) : own
  })
  /** The post as the node is told of it. */
  readonly post = $derived(this.posts.includes(this.#chosen) ? this.#chosen : (this.posts[0] ?? ''))
  /** The post as people are told of it. */
  readonly shown = $derived(this.post || USUAL)

  choose(post: string): void {
    this.#chosen = post
    localStorage.setItem(KEPT, post)
  }

  /** Whether a message of this peer can be acted on from here. */
  answers(peer: string): boolean {
    const ladder = store.line?.terms[peer]?.ladder ?? []
    return store.may('POST /line/take') && this.posts.length > 0 && ladder.some((rung) => rung.post === this.shown)
  }
}

export const officer = new Officer()
