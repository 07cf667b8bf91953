/** The programs that the person let in, with a button to end the access of each. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";
import { IdentityApi } from "./identity-api";
import type { Consent } from "./identity-api";
import { scopeList } from "./scopes";

@customElement("soma-consents")
export class ConsentsView extends LightElement {
  readonly #consents = new Loaded(this, async () => (await this.#api.consents()).items);
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): IdentityApi {
    return new IdentityApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#consents.view(
      (consents) => this.#list(consents),
      () => skeleton(2, msg("Loading programs…")),
    );
  }

  #list(consents: readonly Consent[]): TemplateResult {
    return html`<section class="card security" aria-labelledby="consents-title">
      <h2 class="card__title" id="consents-title" tabindex="-1">${msg("Programs with access")}</h2>
      ${consents.length === 0
        ? html`<p class="muted">${msg("You have let no program in.")}</p>`
        : html`<ul class="security__list" data-testid="consents">
            ${repeat(consents, ({ id }) => id, (one) => this.#consent(one))}
          </ul>`}
    </section>`;
  }

  #consent(one: Consent): TemplateResult {
    return html`<li class="security__item">
      <div>
        ${one.program}${one.tenant === "" ? nothing : html` <span class="tag">${one.tenant}</span>`}
        ${scopeList(one.scopes)}
        <span class="muted" title=${exactTime(one.allowed_at)}>
          ${msg(str`allowed ${dayOf(one.allowed_at)} ${clockTime(one.allowed_at)}`)},
          ${one.last_used_at === null
            ? msg("not signed in now")
            : msg(str`last used ${dayOf(one.last_used_at)} ${clockTime(one.last_used_at)}`)}
        </span>
      </div>
      <button
        type="button"
        class="button button--small"
        aria-label=${msg(str`End access of ${one.program}`)}
        ?disabled=${this.#busy.now}
        @click=${() => void this.#end(one)}
      >
        ${msg("End access")}
      </button>
    </li>`;
  }

  #end(one: Consent): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.revokeConsent(one.id);
      this.services.toasts.say(msg(str`${one.program} has no access any more.`));
      await this.#consents.load();
      await this.updateComplete;
      this.querySelector<HTMLElement>("#consents-title")?.focus();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-consents": ConsentsView;
  }
}
