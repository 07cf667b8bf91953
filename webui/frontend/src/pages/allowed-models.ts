/** Which models the people, agents and keys of the organisation may use. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Model, Problem } from "../api/types";
import { GatewayApi } from "../gateway/gateway-api";
import { tierName } from "../gateway/routing-words";
import { Busy } from "../ui/busy";
import { textsOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

@customElement("soma-allowed-models")
export class AllowedModels extends LightElement {
  @property({ attribute: false }) models: readonly Model[] = [];
  /** Empty: all of them. */
  @state() private allowed: readonly string[] | null = null;
  @state() private problem: Problem | null = null;
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    void this.#load();
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    const { allowed } = this;
    if (allowed === null) return nothing;
    return html`<section aria-labelledby="allowed-title">
      <h2 id="allowed-title" class="gateway__title">${msg("Models that may be used")}</h2>
      <form class="card form" data-testid="allowed-models" @submit=${(event: SubmitEvent) => void this.#save(event)}>
        <fieldset class="gateway__checks">
          <legend class="field__label">${msg("All of them where none is chosen")}</legend>
          ${this.models.map(
            ({ id, display_name: title, provider_name: provider, tier }) => html`<label class="check">
              <input type="checkbox" name="model" value=${id} .checked=${allowed.includes(id)} />
              <span>${provider}/${title} <span class="hint">${tierName(tier)}</span></span>
            </label>`,
          )}
        </fieldset>
        <div class="row">
          <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Save the choice")}</button>
        </div>
      </form>
    </section>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.allowed = (await this.#api.callPolicy()).allowed_models;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const chosen = textsOf(new FormData(event.target as HTMLFormElement), "model");
    return this.#busy.run(async () => {
      this.allowed = (await this.#api.setCallPolicy({ allowed_models: chosen })).allowed_models;
      this.services.toasts.say(msg("The choice holds from the next call on."));
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-allowed-models": AllowedModels;
  }
}
