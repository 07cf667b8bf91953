/** The field above a list that looks for words in it. */
import { html } from "lit";
import type { TemplateResult } from "lit";

/** `search`: given the trimmed words whenever they were changed. */
export function searchField(label: string, search: (words: string) => void): TemplateResult {
  const changed = (event: Event): void => {
    search((event.target as HTMLInputElement).value.trim());
  };
  return html`<search class="people__controls">
    <label class="field">
      <span class="field__label">${label}</span>
      <input class="input" type="search" autocomplete="off" @change=${changed} />
    </label>
  </search>`;
}
