import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// The page is served by the node below /console/, under a strict Content-Security-Policy: nothing inline, nothing from elsewhere.
export default defineConfig({
  base: '/console/',
  plugins: [svelte()],
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
