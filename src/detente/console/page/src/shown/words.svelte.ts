// The words of the console in four languages. Phrases of the line come from the node, in the same language.

import ar from '../words/ar.json'
import en from '../words/en.json'
import fr from '../words/fr.json'
import ru from '../words/ru.json'

export const LANGUAGES = { en: 'English', fr: 'Français', ru: 'Русский', ar: 'العربية' } as const
export type LanguageCode = keyof typeof LANGUAGES
export type Key = keyof typeof en

const TABLES: Record<LanguageCode, Record<Key, string>> = { en, fr, ru, ar }
const KEPT = 'detente.language'

class ChosenLanguage {
  current = $state<LanguageCode>(chosen())

  choose(code: LanguageCode): void {
    this.current = code
    localStorage.setItem(KEPT, code)
    this.apply()
  }

  apply(): void {
    document.documentElement.lang = this.current
    document.documentElement.dir = this.current === 'ar' ? 'rtl' : 'ltr'
  }
}

function chosen(): LanguageCode {
  const kept = localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2)
  return kept in LANGUAGES ? (kept as LanguageCode) : 'en'
}

export const language = new ChosenLanguage()

/** The text under a key in the chosen language, with `{name}` replaced by the value of that name. */
export function word(key: Key, values: Record<string, string | number> = {}): string {
  const isolated = language.current === 'ar' ? (text: string) => `\u2068${text}\u2069` : (text: string) => text
  return TABLES[language.current][key].replace(/\{(\w+)\}/g, (_, name: string) => isolated(String(values[name] ?? '')))
}

/** The text under a key that is put together from what the node says; the node's own word where there is none. */
export function named(group: string, value: string, values: Record<string, string | number> = {}): string {
  const key = `${group}.${value}`
  return key in en ? word(key as Key, values) : value
}
