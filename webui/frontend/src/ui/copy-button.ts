/** A button that copies a text and says whether it worked. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { copyText } from "./clipboard";
import { ICONS } from "./icons";
import type { ToastStore } from "./toasts";

/** `name`: what it copies, for those who do not see what it stands beside. */
export function copyButton(toasts: ToastStore, text: string, name: string): TemplateResult {
  const copy = async (): Promise<void> => {
    const done = await copyText(text);
    toasts.say(done ? msg("Copied.") : msg("It could not be copied: select it by hand."));
  };
  return html`<button
    type="button"
    class="button button--small"
    aria-label=${name}
    @click=${() => void copy()}
  >
    ${ICONS.copy}<span>${msg("Copy")}</span>
  </button>`;
}
