/** The mode beside the name of the product, while it is another than plain production. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";
import { modeName } from "./mode-words";

@customElement("soma-mode-badge")
export class ModeBadge extends LightElement {
  readonly #mode = new StoreController(this);

  override connectedCallback(): void {
    super.connectedCallback();
    this.#mode.follow(this.services.hub.mode);
  }

  protected override render(): TemplateResult {
    const { effective, is_enterprise: isEnterprise } = this.services.hub.mode.state.mode;
    const name = effective === "production" ? null : msg(str`${modeName(effective)} mode`);
    // The live region stays, so that a change is read aloud.
    return html`<span role="status" class="mode" data-testid="mode" data-mode=${effective}>
      ${name === null ? nothing : html`<span class="tag mode__tag">${name}</span>`}
      ${isEnterprise ? html`<span class="tag">${msg("Enterprise")}</span>` : nothing}
    </span>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-mode-badge": ModeBadge;
  }
}
