// What a peer wrote, made fit to be shown: it cannot turn a line around, hide in it, or fill the screen.

const LONGEST = 300
/** Isolates that the node's own phrases have around figures; every text is isolated here anyway. */
const ISOLATES = /[\u2066-\u2069]/g
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g

export function fit(text: string, longest = LONGEST): string {
  const plain = text.replace(ISOLATES, '').replace(HIDDEN, '�')
  return plain.length > longest ? `${plain.slice(0, longest - 1)}…` : plain
}

/** A name inside a sentence: whichever way its letters run, those around it keep their order. */
export const isolated = (name: string): string => `\u2068${name}\u2069`
