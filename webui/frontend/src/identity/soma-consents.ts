/** The programs that the person let in, with a button to end the access of each. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { problemView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";
import { IdentityApi } from "./identity-api";
import type { Consent } from "./identity-api";
import { scopeList } from "./scopes";

@customElement("soma-consents")
export class ConsentsView extends LightElement {
  @state() private consents: readonly Consent[] | null = null;
  @state() private problem: Problem | null = null;
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: IdentityApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new IdentityApi(this.services.http);
    void this.#load();
  }

  protected override render(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.consents === null) return skeleton(2, msg("Loading programs…"));
    return html`<section class="card security" aria-labelledby="consents-title">
      <h2 class="card__title" id="consents-title" tabindex="-1">${msg("Programs with access")}</h2>
      ${this.consents.length === 0
        ? html`<p class="muted">${msg("You have let no program in.")}</p>`
        : html`<ul class="security__list" data-testid="consents">
            ${repeat(this.consents, ({ id }) => id, (one) => this.#consent(one))}
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

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.consents = (await this.#api.consents()).items;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  #end(one: Consent): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.revokeConsent(one.id);
      this.services.toasts.say(msg(str`${one.program} has no access any more.`));
      await this.#load();
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
