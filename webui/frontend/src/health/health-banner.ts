/**
 * What is limited, above every page: one sentence for each cause, since when, and what comes next.
 *
 * Nothing is asked of the person; it goes away by itself. The end is said aloud, too.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Limitation } from "../generated/frames";
import { HEALTH } from "../router/routes";
import { StoreController } from "../store";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { clockTime, exactTime } from "../ui/times";

@customElement("soma-health-banner")
export class HealthBanner extends LightElement {
  readonly #health = new StoreController(this);
  readonly #session = new StoreController(this);
  readonly #router = new StoreController(this);
  #wasLimited = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#health.follow(this.services.hub.health);
    this.#session.follow(this.services.session);
    this.#router.follow(this.services.router);
  }

  protected override updated(): void {
    const isLimited = this.services.hub.health.state.health !== null;
    if (this.#wasLimited && !isLimited) {
      this.services.announcer.say(msg("Everything works again."));
    }
    this.#wasLimited = isLimited;
  }

  protected override render(): TemplateResult {
    const { health } = this.services.hub.health.state;
    // The live region stays, so that what comes into it is read aloud.
    return html`<div
      role="status"
      class=${health === null ? "limits" : `limits limits--${health.level}`}
      data-testid="health-banner"
      data-level=${health?.level ?? "none"}
    >
      ${health === null
        ? nothing
        : html`<ul class="limits__list">
            ${repeat(
              health.limitations,
              ({ service }) => service,
              (one) => this.#limitation(one),
            )}
          </ul>`}
    </div>`;
  }

  #limitation(one: Limitation): TemplateResult {
    return html`<li class="limits__item" data-service=${one.service} data-state=${one.state}>
      ${ICONS.warning}
      <div class="limits__words">
        <p>
          ${one.text}
          <time class="limits__since" datetime=${one.since} title=${exactTime(one.since)}
            >${msg(str`Since ${clockTime(one.since)}.`)}</time
          >
          <span class="limits__next">${one.next}</span>
        </p>
        ${one.detail === null ? nothing : html`<p class="limits__detail">${one.detail}</p>`}
      </div>
      ${this.services.session.isPlatformAdmin && this.services.router.state.path !== HEALTH
        ? html`<a class="button button--small" href=${HEALTH}>${msg("Look into it")}</a>`
        : nothing}
    </li>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-health-banner": HealthBanner;
  }
}
