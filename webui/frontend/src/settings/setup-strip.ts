/** Leads a sysadmin to the set-up of their organisation until it is finished or put off. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { SETUP } from "../router/routes";
import { StoreController } from "../store";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { SetupApi } from "./setup-api";

@customElement("soma-setup-strip")
export class SetupStrip extends LightElement {
  /** Whose set-up waits; null: nobody's. */
  @state() private dueIn: string | null = null;
  #asked: string | null = null;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.follow(this.services.session);
  }

  protected override willUpdate(): void {
    const tenant = this.#led;
    if (tenant === this.#asked) return;
    this.#asked = tenant;
    if (tenant !== null) void this.#ask(tenant);
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.dueIn === null || this.dueIn !== this.#led) return nothing;
    return html`<section class="strip" aria-label=${msg("Set-up")} data-testid="setup-strip">
      <p class="strip__words">${msg("Set up your organisation: its name, models, agents and people.")}</p>
      <a class="button button--primary button--small" href=${SETUP}>${msg("Continue")}</a>
      <button
        type="button"
        class="button button--small"
        ?disabled=${this.#busy.now}
        @click=${() => void this.#putOff()}
      >
        ${msg("Later")}
      </button>
    </section>`;
  }

  /** The organisation whose sysadmin is here in person. */
  get #led(): string | null {
    const { session } = this.services;
    if (!session.may("tenant.manage") || session.isActedFor) return null;
    return session.state.me?.tenant?.id ?? null;
  }

  async #ask(tenant: string): Promise<void> {
    try {
      const { is_finished, is_put_off } = await new SetupApi(this.services.http).setup();
      if (tenant === this.#led) this.dueIn = is_finished || is_put_off ? null : tenant;
    } catch {
      // Only an offer: the account menu leads there, too.
    }
  }

  #putOff(): Promise<void> {
    return this.#busy.run(async () => {
      await new SetupApi(this.services.http).putOff();
      this.dueIn = null;
      this.services.announcer.say(msg("Put off. The account menu leads there."));
      document.getElementById("main")?.focus();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-setup-strip": SetupStrip;
  }
}
