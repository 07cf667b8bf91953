/** Line icons of 20 px, drawn for this interface; always beside a label or an aria-label. */
import { html } from "lit";

export const ICONS = {
  add: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 4v12M4 10h12" /></svg>`,
  archive: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 4h14v3.5H3zM4.5 7.5V16h11V7.5M8 10.5h4" /></svg>`,
  check: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="m4 10.5 4 4 8-9" /></svg>`,
  close: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="m5 5 10 10M15 5 5 15" /></svg>`,
  copy: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M7 7h9v9H7zM13 7V4H4v9h3" /></svg>`,
  down: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 4v12m-5-5 5 5 5-5" /></svg>`,
  edit: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="m4 16 .8-3.2L13.5 4 16 6.5l-8.8 8.7z" /></svg>`,
  gauge: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3.5 14.5a7 7 0 1 1 13 0M10 12l3.500-4" /><circle cx="10" cy="12.500" r="1.2" /></svg>`,
  graph: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="5" cy="6" r="2" /><circle cx="15" cy="5" r="2" /><circle cx="11" cy="15" r="2" /><path d="m7 5.800 6-.600M6 7.800l4 5.500M14.300 6.900l-2.600 6.200" /></svg>`,
  info: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7" /><path d="M10 9.200v4.300M10 6.400v.4" /></svg>`,
  left: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="m12 5-5 5 5 5" /></svg>`,
  list: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M7 5.500h10M7 10h10M7 14.500h10M3.500 5.500h.1M3.500 10h.1M3.500 14.500h.1" /></svg>`,
  memory: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 4.500c-1.200-1.400-4-1.300-4.400 1-1.900.3-2.600 2.400-1.600 3.800-1.200 1.400-.6 3.700 1.300 4.200.3 2.200 3.400 2.900 4.700 1.200 1.300 1.700 4.400 1 4.700-1.200 1.900-.5 2.500-2.800 1.300-4.200 1-1.400.3-3.500-1.600-3.800-.4-2.300-3.200-2.400-4.400-1zM10 4.500v10.200" /></svg>`,
  menu: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 5.5h14M3 10h14M3 14.5h14" /></svg>`,
  more: html`<svg class="icon icon--solid" viewBox="0 0 20 20" aria-hidden="true"><circle cx="4.5" cy="10" r="1.4" /><circle cx="10" cy="10" r="1.4" /><circle cx="15.5" cy="10" r="1.4" /></svg>`,
  refresh: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M16 10a6 6 0 1 1-1.9-4.4M16 3v3.5h-3.5" /></svg>`,
  right: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="m8 5 5 5-5 5" /></svg>`,
  search: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="9" cy="9" r="5" /><path d="m13 13 4 4" /></svg>`,
  send: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 16V4m-5 5 5-5 5 5" /></svg>`,
  stop: html`<svg class="icon icon--solid" viewBox="0 0 20 20" aria-hidden="true"><rect x="5" y="5" width="10" height="10" rx="1.5" /></svg>`,
  thumbDown: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M6 11V4h7.5c.8 0 1.5.600 1.6 1.3l.800 4.7c.2 1-.6 1.8-1.5 1.8H11.5l.6 2.8c.2.9-.4 1.7-1.3 1.7L6 11zM3 4h3v7H3z" /></svg>`,
  thumbUp: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M6 9v7h7.5c.8 0 1.5-.6 1.6-1.3l.8-4.7c.2-1-.6-1.8-1.5-1.8H11.5l.6-2.8c.2-.9-.4-1.7-1.3-1.7L6 9zM3 9h3v7H3z" /></svg>`,
  trash: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5m3-4.5v4.5" /></svg>`,
  warning: html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 3.5 17.5 16h-15zM10 8.5v3.5m0 1.8v.4" /></svg>`,
} as const;
