/** What each model costs and can do, for administrators of the platform; it holds from now on. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Model, Problem } from "../api/types";
import { MICRO, shownDollars } from "../gateway/amounts";
import { GatewayApi } from "../gateway/gateway-api";
import type { Price } from "../gateway/gateway-api";
import { abilityName, CAPABILITIES, TIERS, tierName } from "../gateway/routing-words";
import { StoreController } from "../store";
import "../styles/gateway.css";
import "../styles/memory.css";
import "../styles/settings.css";
import { Busy } from "../ui/busy";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { dialogActs } from "../ui/dialog-acts";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

interface Priced {
  model: Model;
  /** The one that holds now; null: none is known, so calls cost nothing. */
  price: Price | null;
}

@customElement("soma-prices-page")
export class PricesPage extends LightElement {
  @state() private priced: readonly Priced[] | null = null;
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @state() private edited: Priced | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Models and prices")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Models and prices")}</h1>
        ${this.services.session.isPlatformAdmin
          ? html`<button
              type="button"
              class="button page__act"
              ?disabled=${this.#busy.now || this.priced === null}
              @click=${() => void this.#import()}
            >
              ${msg("Fill in from the public table")}
            </button>`
          : nothing}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="prices-page">
        ${this.#body()}
      </main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.isPlatformAdmin) {
      return reservedView(
        msg("This page is for administrators of the platform"),
        msg("What your calls cost stands on the page Usage."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.priced === null) return skeleton(4, msg("Loading prices…"));
    if (this.priced.length === 0) {
      return emptyView(msg("No model yet"), msg("Add a provider first; then its models can have prices."));
    }
    return html`<p class="hint">
        ${msg("Dollars for a million tokens. A call is charged by the price of the moment when it began.")}
      </p>
      <div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Models and prices")}>
        <table class="table" data-testid="prices">
          <thead>
            <tr>
              <th scope="col">${msg("Model")}</th>
              <th scope="col">${msg("Provider")}</th>
              <th scope="col" class="table__number">${msg("In")}</th>
              <th scope="col" class="table__number">${msg("In, cached")}</th>
              <th scope="col" class="table__number">${msg("Out")}</th>
              <th scope="col">${msg("Since")}</th>
              <th scope="col">${msg("Tier")}</th>
              <th scope="col">${msg("Can")}</th>
              <th scope="col">${msg("Region")}</th>
              <th scope="col"><span class="visually-hidden">${msg("Actions")}</span></th>
            </tr>
          </thead>
          <tbody>
            ${repeat(this.priced, ({ model }) => model.id, (one) => this.#row(one))}
          </tbody>
        </table>
      </div>
      ${this.#form()}`;
  }

  #row(one: Priced): TemplateResult {
    const { model, price } = one;
    const shown = (micros: number | undefined): string =>
      micros === undefined ? "–" : shownDollars(micros);
    return html`<tr>
      <th scope="row">${model.display_name || model.name}</th>
      <td>${model.provider_name}</td>
      <td class="table__number">${shown(price?.input_micros)}</td>
      <td class="table__number">${shown(price?.cached_micros)}</td>
      <td class="table__number">${shown(price?.output_micros)}</td>
      <td title=${price === null ? nothing : exactTime(price.valid_from)}>
        ${price === null ? msg("no price: calls cost nothing") : dayOf(price.valid_from)}
      </td>
      <td>${tierName(model.tier)}</td>
      <td>${model.capabilities.map(abilityName).join(", ")}</td>
      <td>${model.region === "" ? "–" : model.region}</td>
      <td>
        <button
          type="button"
          class="button button--small"
          aria-label=${msg(str`Set the price of ${model.display_name || model.name}`)}
          @click=${() => {
            this.edited = one;
            this.formProblem = null;
            this.dialog.showModal();
          }}
        >
          ${msg("Set")}
        </button>
      </td>
    </tr>`;
  }

  #form(): TemplateResult {
    const one = this.edited;
    const dollars = (micros: number | undefined): string =>
      micros === undefined ? "" : String(micros / MICRO);
    const field = (name: string, label: string, micros: number | undefined): TemplateResult =>
      html`<label class="field">
        <span class="field__label">${label}</span>
        <input
          class="input"
          name=${name}
          type="number"
          min="0"
          step="any"
          inputmode="decimal"
          .value=${dollars(micros)}
        />
      </label>`;
    return html`<dialog class="dialog" aria-labelledby="price-title">
      <form @submit=${(event: SubmitEvent) => void this.#set(event)}>
        <h2 class="card__title" id="price-title">
          ${msg(str`${one?.model.display_name ?? ""} from now on`)}
        </h2>
        ${this.formProblem === null ? nothing : problemView(this.formProblem)}
        ${field("input", msg("Dollars for a million tokens in"), one?.price?.input_micros)}
        ${field("cached", msg("of those that the provider had cached"), one?.price?.cached_micros)}
        ${field("output", msg("Dollars for a million tokens out"), one?.price?.output_micros)}
        ${one === null ? nothing : this.#traits(one.model)}
        ${dialogActs(msg("Set it"), msg("Cancel"), this.#busy.now)}
      </form>
    </dialog>`;
  }

  #traits(model: Model): TemplateResult {
    return html`<label class="field">
        <span class="field__label">${msg("Tier")}</span>
        <select class="input" name="tier">
          ${TIERS.map((tier) => html`<option value=${tier} ?selected=${tier === model.tier}>${tierName(tier)}</option>`)}
        </select>
      </label>
      <label class="field">
        <span class="field__label">${msg("Region")}</span>
        <input class="input" name="region" maxlength="40" .value=${model.region} />
      </label>
      <label class="field">
        <span class="field__label">${msg("Window (tokens)")}</span>
        <input class="input" name="window" type="number" min="1" step="1" required .value=${String(model.window)} />
      </label>
      <fieldset class="gateway__checks">
        <legend class="field__label">${msg("It can")}</legend>
        ${CAPABILITIES.map(
          (name) => html`<label class="check">
            <input type="checkbox" name="able" value=${name} .checked=${model.capabilities.includes(name)} />
            <span>${abilityName(name)}</span>
          </label>`,
        )}
      </fieldset>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      const models = (await this.#api.models()).items;
      const prices = await Promise.all(models.map(({ id }) => this.#api.prices(id)));
      const now = new Date().toISOString();
      this.priced = models.map((model, place) => ({
        model,
        price: prices[place]?.find(({ valid_from: from }) => from <= now) ?? null,
      }));
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #set(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const one = this.edited;
    if (one === null) return;
    const fields = new FormData(event.target as HTMLFormElement);
    const micros = (name: string): number | null => {
      const value = textOf(fields, name);
      return value === "" ? null : Math.round(Number(value) * MICRO);
    };
    const [asked, told] = [micros("input"), micros("output")];
    const cached = micros("cached");
    const { price } = one;
    const isNew =
      asked !== null &&
      told !== null &&
      (price === null ||
        price.input_micros !== asked ||
        price.output_micros !== told ||
        price.cached_micros !== (cached ?? asked));
    this.formProblem = null;
    await this.#busy.run(
      async () => {
        if (isNew) {
          await this.#api.setPrice(one.model.id, {
            input_micros: asked,
            cached_micros: cached,
            output_micros: told,
          });
        }
        await this.#api.setTraits(one.model.id, {
          capabilities: fields.getAll("able") as Model["capabilities"],
          tier: fields.get("tier") as Model["tier"],
          region: textOf(fields, "region"),
          window: Number(fields.get("window")),
        });
        this.dialog.close();
        this.services.toasts.say(msg(str`${one.model.display_name} is described anew.`));
        await this.#load();
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #import(): Promise<void> {
    return this.#busy.run(async () => {
      const { imported, unknown } = await this.#api.importPrices();
      this.services.toasts.say(
        unknown.length === 0
          ? msg(str`${imported} models got a price.`)
          : msg(str`${imported} models got a price; the table does not know ${unknown.join(", ")}.`),
      );
      await this.#load();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-prices-page": PricesPage;
  }
}
