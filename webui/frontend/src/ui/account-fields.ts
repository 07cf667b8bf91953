/** The fields of a new account: what one is called, and a password with its one rule. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";

export const SHORTEST_PASSWORD = 12;

export function ownNameField(): TemplateResult {
  return html`<label class="field">
    <span class="field__label">${msg("Your name")}</span>
    <input id="name" class="input" autocomplete="name" maxlength="200" required />
  </label>`;
}

// asvs: 6.2.6, 6.2.7
export function newPasswordField(label: string): TemplateResult {
  return html`<div class="field">
    <label class="field__label" for="new-password">${label}</label>
    <input
      id="new-password"
      class="input"
      type="password"
      autocomplete="new-password"
      minlength=${SHORTEST_PASSWORD}
      aria-describedby="new-password-hint"
      required
    />
    <span class="field__hint" id="new-password-hint">
      ${msg("At least 12 characters. A few unrelated words are easy to remember.")}
    </span>
  </div>`;
}
