/**
 * How the platform is, for its administrators: every service, what its failure means to people,
 * and the breakers, which can be closed by hand.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { HealthApi } from "../health/health-api";
import type { Affected, Breaker, Health, Service } from "../health/health-api";
import { breakerState, latency, levelName, stateName } from "../health/health-words";
import { StoreController } from "../store";
import "../styles/health.css";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { problemView, reservedView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

const REFRESH_MS = 5_000;

@customElement("soma-health-page")
export class HealthPage extends LightElement {
  @state() private health: Health | null = null;
  @state() private problem: Problem | null = null;
  @state() private resetting: string | null = null;
  readonly #session = new StoreController(this);
  #api!: HealthApi;
  #timer: ReturnType<typeof setInterval> | undefined;
  #stop: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new HealthApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Health")} · SomaAgent`;
    if (!this.services.session.isPlatformAdmin) return;
    void this.#load();
    this.#timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.#load();
    }, REFRESH_MS);
    // What is pushed to everyone is a reason to look at once.
    this.#stop = this.services.hub.health.subscribe(() => void this.#load());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#stop?.();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Health")}</h1>
        ${this.health === null
          ? nothing
          : html`<span class="page__sub">${this.health.deployment_mode}</span>`}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="health-page">
        ${this.#body()}
      </main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.isPlatformAdmin) {
      return reservedView(
        msg("This page is for administrators of the platform"),
        msg("You are told above every page when something is limited."),
      );
    }
    if (this.health === null) {
      return this.problem === null
        ? skeleton(5, msg("Loading the state of the services…"))
        : problemView(this.problem, () => void this.#load());
    }
    const { health } = this;
    return html`
      ${this.problem === null
        ? nothing
        : problemView(this.problem, () => void this.#load())}
      <p class="health__level" data-testid="level" data-level=${health.level}>
        <strong>${levelName(health.level)}</strong>
        <span class="health__since" title=${exactTime(health.since)}>${since(health.since)}</span>
      </p>
      ${health.affected.length === 0
        ? nothing
        : html`<section aria-labelledby="affected-title">
            <h2 id="affected-title" class="health__title">${msg("What that means")}</h2>
            <ul class="cards">
              ${repeat(health.affected, ({ service }) => service, affectedCard)}
            </ul>
          </section>`}
      <section aria-labelledby="services-title">
        <h2 id="services-title" class="health__title">${msg("Services")}</h2>
        <ul class="health__services" data-testid="services">
          ${repeat(health.services, ({ name }) => name, serviceRow)}
        </ul>
      </section>
      <section aria-labelledby="breakers-title">
        <h2 id="breakers-title" class="health__title">${msg("Breakers")}</h2>
        <p class="hint">
          ${msg("A service that fails three times in a row is left alone for a while, so that nobody waits for it. Then one call tries it. The state is shared by all processes.")}
        </p>
        ${health.breakers.length === 0
          ? html`<p class="hint">${msg("No service with a breaker was called yet.")}</p>`
          : html`<ul class="health__services" data-testid="breakers">
              ${repeat(health.breakers, ({ name }) => name, (one) => this.#breaker(one))}
            </ul>`}
      </section>
    `;
  }

  #breaker(breaker: Breaker): TemplateResult {
    const isClean = breaker.state === "closed" && breaker.failures === 0;
    return html`<li class="health__row" data-breaker=${breaker.name} data-state=${breaker.state}>
      <span class="health__name">${breaker.title}</span>
      <span class="health__state health__state--${isClean ? "ok" : breaker.state}">
        ${breakerState(breaker)}
      </span>
      ${isClean
        ? nothing
        : html`<button
            type="button"
            class="button button--small"
            aria-label=${msg(str`Close the breaker of ${breaker.title}`)}
            ?disabled=${this.resetting === breaker.name}
            @click=${() => void this.#reset(breaker)}
          >
            ${msg("Close the breaker")}
          </button>`}
    </li>`;
  }

  async #load(): Promise<void> {
    try {
      this.health = await this.#api.see();
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  async #reset(breaker: Breaker): Promise<void> {
    this.resetting = breaker.name;
    try {
      await this.#api.reset(breaker.name);
      this.services.toasts.say(msg(str`Calls to ${breaker.title} go through again.`));
      await this.#load();
    } catch (error) {
      this.services.toasts.problem(problemOf(error));
    } finally {
      this.resetting = null;
    }
  }
}

function since(iso: string): string {
  return msg(str`Since ${clockTime(iso)}, ${dayOf(iso)}`);
}

function serviceRow(service: Service): TemplateResult {
  return html`<li class="health__row" data-service=${service.name} data-state=${service.state}>
    <span class="health__name">
      ${service.title}
      ${service.is_critical ? html`<span class="tag">${msg("critical")}</span>` : nothing}
    </span>
    <span class="health__state health__state--${service.state}">
      ${service.state === "ok" ? ICONS.check : service.state === "unknown" ? nothing : ICONS.warning}
      ${stateName(service.state)}
    </span>
    <span class="health__latency" title=${msg(str`Up to ${service.slow_ms} ms is well`)}>
      ${latency(service.latency_ms)}
    </span>
    <span class="health__since" title=${exactTime(service.since)}>${since(service.since)}</span>
    ${service.detail === "" && service.advice === ""
      ? nothing
      : html`<p class="health__detail">${service.detail} ${service.advice}</p>`}
  </li>`;
}

function affectedCard(one: Affected): TemplateResult {
  return html`<li class="card" data-affected=${one.service}>
    <h3 class="card__title">${one.title}: ${stateName(one.state)}</h3>
    <dl class="facts">
      <div><dt>${msg("Works")}</dt><dd>${one.works}</dd></div>
      <div><dt>${msg("Waits")}</dt><dd>${one.waits}</dd></div>
      <div><dt>${msg("Off")}</dt><dd>${one.off}</dd></div>
      <div><dt>${msg("People read")}</dt><dd>${one.reads ?? msg("Nothing.")}</dd></div>
      <div><dt>${msg("Next")}</dt><dd>${one.next}</dd></div>
    </dl>
  </li>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-health-page": HealthPage;
  }
}
