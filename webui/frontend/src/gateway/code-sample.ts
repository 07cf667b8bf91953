/** A request as code in three languages, to be copied. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { copyText } from "../ui/clipboard";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import type { ChatRequest } from "./asking";
import { LANGUAGE_NAMES, LANGUAGES, snippet } from "./snippets";
import type { Language } from "./snippets";

export const PLACEHOLDER = "soma_sk_…";

@customElement("soma-code-sample")
export class CodeSample extends LightElement {
  @property() heading = "";
  /** What is shown as the key; a placeholder unless it was made a moment ago. */
  @property() secret = PLACEHOLDER;
  @property({ attribute: false }) request!: ChatRequest;
  @state() private language: Language = "curl";

  protected override render(): TemplateResult {
    const text = snippet(this.language, `${location.origin}/v1`, this.secret, this.request);
    return html`<section class="gateway__code" aria-labelledby="code-title">
      <h2 id="code-title" class="gateway__title">${this.heading}</h2>
      <div class="tabs" role="group" aria-label=${msg("Language")}>
        ${LANGUAGES.map(
          (one) => html`<button
            type="button"
            class="tabs__tab"
            aria-pressed=${String(one === this.language)}
            @click=${() => {
              this.language = one;
            }}
          >
            ${LANGUAGE_NAMES[one]}
          </button>`,
        )}
      </div>
      <pre class="gateway__snippet" tabindex="0"><code data-testid="snippet">${text}</code></pre>
      <button type="button" class="button button--small" @click=${() => void this.#copy(text)}>
        ${ICONS.copy}<span>${msg("Copy the code")}</span>
      </button>
    </section>`;
  }

  async #copy(text: string): Promise<void> {
    const done = await copyText(text);
    this.services.toasts.say(done ? msg("Copied.") : msg("It could not be copied: select it by hand."));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-code-sample": CodeSample;
  }
}
