// Requests to the node that serves this page.

import type { Problem } from './types'

export class Refused extends Error {
  readonly status: number
  readonly problem: Problem | null
  constructor(status: number, problem: Problem | null, message: string) {
    super(message)
    this.status = status
    this.problem = problem
  }
}

const LONGEST_MS = 20_000

async function ask<T>(method: string, path: string, body?: BodyInit, type = 'application/json', longestMs = LONGEST_MS): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: body === undefined ? {} : { 'Content-Type': type },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(longestMs),
    })
  } catch {
    throw new Refused(0, null, 'The node does not answer.')
  }
  if (response.ok) return (await response.json()) as T
  let problem: Problem | null = null
  try {
    problem = (await response.json()) as Problem
  } catch {
    // The body of a proxy or of a node that broke off: the status is all there is to say.
  }
  throw new Refused(response.status, problem, problem?.message ?? `HTTP ${response.status}`)
}

export const get = <T>(path: string, longestMs?: number): Promise<T> => ask<T>('GET', path, undefined, undefined, longestMs)
export const post = <T>(path: string, body: unknown = {}, longestMs?: number): Promise<T> =>
  ask<T>('POST', path, JSON.stringify(body), undefined, longestMs)
/** A file as it is. */
export const send = <T>(path: string, file: Blob, longestMs?: number): Promise<T> => ask<T>('POST', path, file, 'application/octet-stream', longestMs)
export const segment = encodeURIComponent
