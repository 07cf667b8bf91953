/** Which models the people, agents and keys of the organisation may use. */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { nothing, TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Model } from "../api/types";
import { GatewayApi } from "../gateway/gateway-api";
import { tierName } from "../gateway/routing-words";
import { Busy } from "../ui/busy";
import { textsOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";

@customElement("soma-allowed-models")
export class AllowedModels extends LightElement {
  @property({ attribute: false }) models: readonly Model[] = [];
  /** Empty: all of them. */
  readonly #allowed = new Loaded(this, async () => (await this.#api.callPolicy()).allowed_models);
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): GatewayApi {
    return new GatewayApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#allowed.view((allowed) => this.#form(allowed));
  }

  #form(allowed: readonly string[]): TemplateResult {
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

  #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const chosen = textsOf(new FormData(event.target as HTMLFormElement), "model");
    return this.#busy.run(async () => {
      const { allowed_models: allowed } = await this.#api.setCallPolicy({ allowed_models: chosen });
      this.#allowed.show(allowed);
      this.services.toasts.say(msg("The choice holds from the next call on."));
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-allowed-models": AllowedModels;
  }
}
