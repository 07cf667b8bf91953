/** The mark and the name, as one picture. */
import { html } from "lit";
import type { TemplateResult } from "lit";

export function brand(): TemplateResult {
  return html`<span class="brand">
    <svg class="brand__mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path
        d="M21 11.5c-1-1.7-2.7-2.5-5-2.5-2.9 0-5 1.3-5 3.5 0 5 10 2.2 10 7 0 2.3-2.2 3.5-5 3.5-2.5 0-4.4-.9-5.3-2.7"
      />
    </svg>
    <span class="brand__name">SomaAgent</span>
  </span>`;
}
