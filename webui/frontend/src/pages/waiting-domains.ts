/** Domains that organisations named for their sign-on and that nobody has confirmed yet. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query } from "lit/decorators.js";
import { SignOnApi } from "../identity/sign-on-api";
import type { WaitingDomain } from "../identity/sign-on-api";
import "../styles/identity.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { dayOf, exactTime } from "../ui/times";

@customElement("soma-waiting-domains")
export class WaitingDomains extends LightElement {
  readonly #domains = new Loaded(this, async () => (await this.#api.waitingDomains()).items);
  @query("#waiting-domains") private readonly heading!: HTMLElement | null;
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): SignOnApi {
    return new SignOnApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#domains.view((domains) => this.#list(domains));
  }

  #list(domains: readonly WaitingDomain[]): TemplateResult | typeof nothing {
    if (domains.length === 0) return nothing;
    return html`<section class="card security" aria-labelledby="waiting-domains">
      <h2 class="card__title" id="waiting-domains" tabindex="-1">
        ${msg("Domains that wait for approval")}
      </h2>
      <p class="hint">
        ${msg("Approve a domain only if you know that it is this organisation’s: its provider may then say who has an address there.")}
      </p>
      <ul class="security__list">
        ${domains.map((one) => this.#item(one))}
      </ul>
    </section>`;
  }

  #item(one: WaitingDomain): TemplateResult {
    return html`<li class="security__item" data-domain=${one.domain}>
      <span>
        ${one.domain}
        <span class="muted" title=${exactTime(one.created_at)}>
          ${one.tenant_name}, ${one.provider_name}, ${dayOf(one.created_at)}
        </span>
      </span>
      <button
        type="button"
        class="button button--small"
        aria-label=${msg(str`Approve ${one.domain} of ${one.tenant_name}`)}
        ?disabled=${this.#busy.now}
        @click=${() => void this.#approve(one)}
      >
        ${msg("Approve")}
      </button>
    </li>`;
  }

  #approve(one: WaitingDomain): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.approveDomain(one.id);
      this.services.toasts.say(msg(str`${one.domain} is confirmed for ${one.tenant_name}.`));
      await this.#domains.load();
      await this.updateComplete;
      (this.heading ?? document.querySelector<HTMLElement>("#main"))?.focus();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-waiting-domains": WaitingDomains;
  }
}
