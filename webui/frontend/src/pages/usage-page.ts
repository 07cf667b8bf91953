/** What models were used and cost, the last calls; for administrators also budgets and the cache. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import { shownDollars, shownNumber } from "../gateway/amounts";
import { GatewayApi } from "../gateway/gateway-api";
import type { Call, Usage, UsageQuery } from "../gateway/gateway-api";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";
import { clockTime, dayOf, exactTime } from "../ui/times";
import "./answer-cache";
import "./budgets";
import "./usage-report";
import type { Sums } from "./usage-report";

/** What a call took: tokens, or of speech seconds and characters. */
function amountOf(call: Call): string {
  if (call.audio_seconds > 0) return msg(str`${shownNumber(call.audio_seconds)} s`);
  if (call.characters > 0) return msg(str`${shownNumber(call.characters)} characters`);
  return shownNumber(call.input_tokens + call.output_tokens);
}

function stateName(state: string): string {
  if (state === "ok") return msg("whole");
  return state === "cached" ? msg("an earlier answer") : state;
}

@customElement("soma-usage-page")
export class UsagePage extends LightElement {
  @state() private calls: readonly Call[] = [];
  @state() private names: ReadonlyMap<string, string> = new Map();
  readonly #session = new StoreController(this);
  readonly #sums: Sums = [
    ["model", msg("Model")],
    ["user", msg("Person")],
    ["agent", msg("Agent")],
    ["key", msg("Key")],
    ["kind", msg("Kind of call")],
  ];
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Usage")} · SomaAgent`;
    void this.#load();
  }

  protected override render(): TemplateResult {
    const mayAdministrate = this.services.session.may("tenant.administrate");
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Usage")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="usage-page">
        <p class="hint">
          ${mayAdministrate
            ? msg("What all people, agents and keys of the organisation used.")
            : msg("What you and your keys used.")}
        </p>
        <soma-usage-report
          .sums=${this.#sums}
          .ask=${this.#ask}
          .names=${this.names}
        ></soma-usage-report>
        ${mayAdministrate
          ? html`<soma-budgets .names=${this.names}></soma-budgets>
              <soma-answer-cache></soma-answer-cache>`
          : nothing}
        ${this.#calls()}
      </main>`;
  }

  readonly #ask = (query: UsageQuery): Promise<Usage> => this.#api.usage(query);

  #calls(): TemplateResult | typeof nothing {
    if (this.calls.length === 0) return nothing;
    return html`<section aria-labelledby="calls-title">
      <h2 id="calls-title" class="gateway__title">${msg("Last calls")}</h2>
      <div class="table-scroll" tabindex="0" role="group" aria-labelledby="calls-title">
        <table class="table" data-testid="calls">
          <thead>
            <tr>
              <th scope="col">${msg("When")}</th>
              <th scope="col">${msg("Model")}</th>
              <th scope="col">${msg("Ended")}</th>
              <th scope="col" class="table__number">${msg("Tokens")}</th>
              <th scope="col" class="table__number">${msg("First word")}</th>
              <th scope="col" class="table__number">${msg("Cost")}</th>
            </tr>
          </thead>
          <tbody>
            ${this.calls.map(
              (call) => html`<tr>
                <th scope="row" title=${exactTime(call.at)}>${dayOf(call.at)}, ${clockTime(call.at)}</th>
                <td>${call.model}</td>
                <td title=${call.note === "" ? nothing : call.note}>
                  ${stateName(call.state)}${call.note === "" ? nothing : html` <span class="hint">${call.note}</span>`}
                </td>
                <td class="table__number">
                  ${amountOf(call)}${call.counted ? nothing : html` <span class="hint">${msg("estimated")}</span>`}
                </td>
                <td class="table__number">
                  ${call.first_token_ms === null ? "–" : msg(str`${call.first_token_ms} ms`)}
                </td>
                <td class="table__number">${shownDollars(call.cost_micros)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>`;
  }

  async #load(): Promise<void> {
    try {
      this.calls = (await this.#api.calls()).items;
      const named = await Promise.all([this.#api.keys(), this.services.api.agents()]);
      const names = new Map(named.flatMap(({ items }) => items.map(({ id, name }) => [id, name])));
      const { me } = this.services.session.state;
      if (me !== null) names.set(me.user.id, me.user.display_name || me.user.email);
      this.names = names;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-usage-page": UsagePage;
  }
}
