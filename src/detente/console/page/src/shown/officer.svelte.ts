// Who sits here: the post on watch, kept in this browser.

const KEPT = 'detente.post'

class Officer {
  post = $state(localStorage.getItem(KEPT) ?? 'watch')

  choose(post: string): void {
    this.post = post
    localStorage.setItem(KEPT, post)
  }
}

export const officer = new Officer()
