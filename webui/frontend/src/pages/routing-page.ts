/**
 * Which model a call is given: the rules, what a call would do now, and what was decided. One page
 * for an organisation's administrators, and one (`platform`) for all organisations.
 */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { keyed } from "lit/directives/keyed.js";
import { problemOf } from "../api/http";
import type { Model, Problem } from "../api/types";
import { GatewayApi } from "../gateway/gateway-api";
import { RoutingApi } from "../gateway/routing-api";
import type { RulesStanding } from "../gateway/routing-api";
import { HEALTH } from "../router/routes";
import "../styles/gateway.css";
import "../styles/memory.css";
import "../styles/settings.css";
import { LightElement } from "../ui/light-element";
import { problemView, reservedView, skeleton } from "../ui/states";
import "./allowed-models";
import "./routing-decisions";
import "./routing-rules";
import "./routing-trial";

@customElement("soma-routing-page")
export class RoutingPage extends LightElement {
  @property({ type: Boolean }) platform = false;
  @state() private standing: RulesStanding | null = null;
  @state() private models: readonly Model[] = [];
  @state() private tenants: ReadonlyMap<string, string> = new Map();
  @state() private tenantId: string | null = null;
  @state() private problem: Problem | null = null;
  #api!: RoutingApi;

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Choice of models")} · SomaAgent`;
    if (this.#isAllowed) void this.#load();
  }

  get #isAllowed(): boolean {
    const { session } = this.services;
    if (this.platform) return session.isPlatformAdmin;
    return session.may("tenant.administrate");
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Choice of models")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="routing-page">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (!this.#isAllowed) {
      return reservedView(
        msg("This page is for administrators"),
        msg("They say which models answer, and in which order they are asked."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.standing === null) return skeleton(5, msg("Loading the rules…"));
    const of = this.tenantId ?? "";
    return html`${this.platform ? this.#whose() : nothing}
      ${keyed(
        of,
        html`<soma-routing-rules
            .api=${this.#api}
            .models=${this.models}
            .standing=${this.standing}
            ?platform=${this.platform}
          ></soma-routing-rules>
          ${this.platform ? nothing : html`<soma-allowed-models .models=${this.models}></soma-allowed-models>`}
          <soma-routing-trial .api=${this.#api} .models=${this.models}></soma-routing-trial>
          <soma-routing-decisions .api=${this.#api} .tenants=${this.tenants}></soma-routing-decisions>`,
      )}`;
  }

  #whose(): TemplateResult {
    const choose = (event: Event): void => {
      const { value } = event.target as HTMLSelectElement;
      this.tenantId = value === "" ? null : value;
      void this.#load();
    };
    return html`<p class="hint">
        ${msg("The platform’s own rules hold for organisations without any; their limits bind all.")}
        <a href=${HEALTH}>${msg("Which models rest after failures")}</a>
      </p>
      <div class="gateway__controls">
        <label class="field">
          <span class="field__label">${msg("Of")}</span>
          <select class="input" name="whose" @change=${choose}>
            <option value="">${msg("the platform")}</option>
            ${[...this.tenants].map(([id, name]) => html`<option value=${id} ?selected=${id === this.tenantId}>${name}</option>`)}
          </select>
        </label>
      </div>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    const { http } = this.services;
    const api = new RoutingApi(http, this.platform, this.tenantId);
    try {
      if (this.models.length === 0) this.models = (await new GatewayApi(http).models()).items;
      if (this.platform && this.tenants.size === 0) {
        this.tenants = new Map((await api.tenants()).items.map(({ id, name }) => [id, name]));
      }
      const standing = await api.rules();
      this.#api = api;
      this.standing = standing;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-routing-page": RoutingPage;
  }
}
