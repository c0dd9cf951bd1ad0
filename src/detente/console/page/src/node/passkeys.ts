// Passkeys: what this browser and its devices are asked, and what they answer, to and from the node (WebAuthn).

import { post } from './api'

interface Asked { challenge: string; rp_id: string; life_s: number }
interface NewAsked extends Asked { party: string; user_id: string; user_name: string; algorithms: number[]; excluded: string[] }

/** The device or the person said no; browsers do not tell which, so that no page learns who has what. */
export class NotSigned extends Error {}

/** Why there are no passkeys here: the page was opened by a numeric address, or the browser has none. */
export function obstacle(): 'by_name' | 'none' | null {
  if (/^[\d.]+$|^\[/.test(location.hostname)) return 'by_name'
  return isSecureContext && 'PublicKeyCredential' in window ? null : 'none'
}

/** Where the same console is under a name, on the node's own machine. */
export function addressByName(): string | null {
  const here = /^127\.|^\[::1\]$/.test(location.hostname)
  return here ? `${location.protocol}//localhost${location.port ? `:${location.port}` : ''}/console/` : null
}

export async function addPasskey(name: string): Promise<void> {
  const asked = await post<NewAsked>('/passkeys/challenge')
  const response = await answerOf(navigator.credentials.create({
    publicKey: {
      challenge: bytes(asked.challenge),
      rp: { id: asked.rp_id, name: `Détente ${asked.party}` },
      user: { id: bytes(asked.user_id), name: asked.user_name, displayName: asked.user_name },
      pubKeyCredParams: asked.algorithms.map((alg) => ({ type: 'public-key', alg })),
      excludeCredentials: asked.excluded.map((id) => ({ type: 'public-key', id: bytes(id) })),
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
      timeout: asked.life_s * 1000,
    },
  }))
  const made = response.response as AuthenticatorAttestationResponse
  await post('/passkeys', { name, client_data: text(made.clientDataJSON), authenticator_data: text(made.getAuthenticatorData()) })
}

export async function signInWithPasskey(): Promise<void> {
  const asked = await post<Asked>('/sign-in/challenge')
  const response = await answerOf(navigator.credentials.get({
    publicKey: { challenge: bytes(asked.challenge), rpId: asked.rp_id, userVerification: 'required', timeout: asked.life_s * 1000 },
  }))
  const signed = response.response as AuthenticatorAssertionResponse
  await post('/sign-in/passkey', {
    credential_id: text(response.rawId),
    user_id: signed.userHandle ? text(signed.userHandle) : '',
    client_data: text(signed.clientDataJSON),
    authenticator_data: text(signed.authenticatorData),
    signature: text(signed.signature),
  })
}

async function answerOf(asked: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const answer = await asked
    if (answer instanceof PublicKeyCredential) return answer
  } catch {
    // The name of the error says no more.
  }
  throw new NotSigned()
}

function bytes(encoded: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(encoded.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))
}

function text(data: ArrayBuffer): string {
  const letters = Array.from(new Uint8Array(data), (byte) => String.fromCharCode(byte)).join('')
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
