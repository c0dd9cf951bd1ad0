// Parts of milsymbol, so that only what is drawn is carried; vite.config.ts says where they are.

declare module 'milsymbol-parts' {
  import type milsymbol from 'milsymbol'
  export const ms: typeof milsymbol & { addIcons(icons: object): void }
  export const numberair: object
}
