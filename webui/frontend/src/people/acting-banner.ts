/**
 * Above every page while one acts as somebody: who acts as whom, for how long, and the way back.
 *
 * It cannot be put away. When the hour is over it leads back by itself.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { StoreController } from "../store";
import { Busy } from "../ui/busy";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { exactTime } from "../ui/times";
import { leaveActing } from "./acting";

const TICK_MS = 5_000;
const MINUTE_MS = 60_000;

@customElement("soma-acting-banner")
export class ActingBanner extends LightElement {
  @state() private now = Date.now();
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #timer = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.follow(this.services.session);
    this.#timer = window.setInterval(() => {
      this.now = Date.now();
      const until = this.services.session.state.me?.acted_by?.until;
      if (until !== undefined && Date.parse(until) <= this.now) void this.#leave();
    }, TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { me } = this.services.session.state;
    if (me?.acted_by == null) return nothing;
    const { display_name: admin, until } = me.acted_by;
    const minutes = Math.max(0, Math.ceil((Date.parse(until) - this.now) / MINUTE_MS));
    return html`<section class="acting" aria-label=${msg("Acting as somebody")} data-testid="acting">
      ${ICONS.warning}
      <p class="acting__words">
        <strong>${msg(str`${admin} acts as ${me.user.display_name}`)}</strong>
        <time datetime=${until} title=${exactTime(until)}>${msg(str`${minutes} min left`)}</time>
      </p>
      <button
        type="button"
        class="button button--small"
        ?disabled=${this.#busy.now}
        @click=${() => void this.#leave()}
      >
        ${msg("End")}
      </button>
    </section>`;
  }

  #leave(): Promise<void> {
    return this.#busy.run(async () => {
      await this.services.unfinished.finish();
      if (!(await leaveActing(this.services.http))) this.services.session.end();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-acting-banner": ActingBanner;
  }
}
