import '@fontsource/b612/400.css'
import '@fontsource/b612/700.css'
import '@fontsource/b612-mono/400.css'
import '@fontsource/noto-sans-arabic/arabic-400.css'
import '@fontsource/noto-sans/cyrillic-400.css'
import './style.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { language } from './shown/words.svelte'

language.apply()
const target = document.getElementById('app')
if (target) mount(App, { target })
