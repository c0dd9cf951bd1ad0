import { svelte } from '@sveltejs/vite-plugin-svelte'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

// The page is served by the node below /console/, under a strict Content-Security-Policy: nothing inline, nothing from elsewhere.
export default defineConfig({
  base: '/console/',
  plugins: [svelte()],
  // Its package offers all symbols or none; one air frame is all that is drawn.
  resolve: { alias: { 'milsymbol-parts': fileURLToPath(new URL('node_modules/milsymbol/index.mjs', import.meta.url)) } },
  worker: { format: 'es' },
  build: {
    outDir: '../built',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
  },
})
