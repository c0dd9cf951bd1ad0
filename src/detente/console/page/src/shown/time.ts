// Times as people on watch read them: UTC, always.

const two = (value: number): string => String(value).padStart(2, '0')

export function clock(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}Z`
}

export function hourMinute(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}Z`
}

export function date(ms: number): string {
  const at = new Date(ms)
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
}

export const dateClock = (ms: number): string => `${date(ms)} ${clock(ms)}`

/** "2:05" for 125 seconds, "1:02:05" beyond an hour, "3 d" beyond two days; negative spans have a minus sign. */
export function span(seconds: number): string {
  const sign = seconds < 0 ? '−' : ''
  const whole = Math.floor(Math.abs(seconds))
  if (whole >= 172_800) return `${sign}${Math.floor(whole / 86_400)} d`
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  return hours ? `${sign}${hours}:${two(minutes)}:${two(whole % 60)}` : `${sign}${minutes}:${two(whole % 60)}`
}

/** The value of an input of type datetime-local, which is read as UTC here, and back. */
export const toInput = (ms: number): string => new Date(ms).toISOString().slice(0, 16)
export const fromInput = (value: string): number => Date.parse(`${value}:00Z`)
