/** The two buttons under a form in a dialog: do it, or leave it. */
import { html } from "lit";
import type { TemplateResult } from "lit";

function closeDialog(event: Event): void {
  (event.currentTarget as HTMLElement).closest("dialog")?.close();
}

/** `kind` danger: what it does cannot be undone. */
export function dialogActs(
  submit: string,
  leave: string,
  isDisabled: boolean,
  kind: "primary" | "danger" = "primary",
): TemplateResult {
  return html`<div class="row">
    <button type="submit" class="button button--${kind}" ?disabled=${isDisabled}>${submit}</button>
    <button type="button" class="button" @click=${closeDialog}>${leave}</button>
  </div>`;
}
