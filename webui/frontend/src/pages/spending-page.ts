/** What all organisations used and cost, for administrators of the platform: chart and table. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { shownDollars, shownNumber } from "../gateway/amounts";
import type { Usage } from "../gateway/gateway-api";
import { RoutingApi } from "../gateway/routing-api";
import type { SpentBy } from "../gateway/routing-api";
import "../styles/gateway.css";
import "../styles/memory.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";

const DAYS = 30;
/** Whose the shadows are; see `gateway.routing.policies`. */
const PLATFORM = "00000000-0000-0000-0000-000000000001";

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

function byName(by: SpentBy): string {
  switch (by) {
    case "tenant":
      return msg("Organisation");
    case "model":
      return msg("Model");
    case "provider":
      return msg("Provider");
    case "kind":
      return msg("Kind of call");
  }
}

@customElement("soma-spending-page")
export class SpendingPage extends LightElement {
  @state() private usage: Usage | null = null;
  @state() private problem: Problem | null = null;
  @state() private since = daysAgo(DAYS);
  @state() private until = daysAgo(0);
  @state() private by: SpentBy = "tenant";
  @query("canvas") private readonly canvas!: HTMLCanvasElement | null;
  #names = new Map<string, string>([[PLATFORM, ""]]);
  #api!: RoutingApi;
  #erase: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new RoutingApi(this.services.http, true);
    document.title = `${msg("Spending")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#erase?.();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("usage")) void this.#draw();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Spending")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="spending-page">
        ${this.services.session.isPlatformAdmin
          ? html`${this.#controls()} ${this.#body()}`
          : reservedView(
              msg("This page is for administrators of the platform"),
              msg("What your organisation used stands on the page Usage."),
            )}
      </main>`;
  }

  #controls(): TemplateResult {
    const choose = (event: Event): void => {
      const { name, value } = event.target as HTMLInputElement;
      if (value === "") return;
      if (name === "since") this.since = value;
      if (name === "until") this.until = value;
      if (name === "by") this.by = value as SpentBy;
      void this.#load();
    };
    return html`<div class="gateway__controls">
      <label class="field">
        <span class="field__label">${msg("From")}</span>
        <input class="input" type="date" name="since" .value=${this.since} @change=${choose} />
      </label>
      <label class="field">
        <span class="field__label">${msg("To")}</span>
        <input class="input" type="date" name="until" .value=${this.until} @change=${choose} />
      </label>
      <label class="field">
        <span class="field__label">${msg("By")}</span>
        <select class="input" name="by" @change=${choose}>
          ${(["tenant", "model", "provider", "kind"] as const).map(
            (one) => html`<option value=${one} ?selected=${one === this.by}>${byName(one)}</option>`,
          )}
        </select>
      </label>
    </div>`;
  }

  #body(): TemplateResult {
    const { usage } = this;
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (usage === null) return skeleton(5, msg("Loading…"));
    if (usage.rows.length === 0) {
      return emptyView(msg("Nothing was used in these days"), msg("Calls appear here within a second."));
    }
    const { total } = usage;
    const sum = (name: string, value: string): TemplateResult =>
      html`<div class="gateway__total"><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<dl class="gateway__totals" data-testid="totals">
        ${sum(msg("Cost"), shownDollars(total.cost_micros))} ${sum(msg("Calls"), shownNumber(total.calls))}
        ${sum(msg("Tokens in"), shownNumber(total.input_tokens))}
        ${sum(msg("Tokens out"), shownNumber(total.output_tokens))}
        ${sum(msg("Failed"), shownNumber(total.failures))}
      </dl>
      <div class="gateway__chart">
        <canvas role="img" aria-label=${msg("Spending by day, as in the table below")}></canvas>
      </div>
      ${usage.is_cut ? html`<p class="notice">${msg("There is more than is shown: choose fewer days.")}</p>` : nothing}
      <div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Spending")}>
        <table class="table" data-testid="spending">
          <thead>
            <tr>
              <th scope="col">${msg("Day (UTC)")}</th>
              <th scope="col">${byName(this.by)}</th>
              <th scope="col" class="table__number">${msg("Calls")}</th>
              <th scope="col" class="table__number">${msg("Tokens in")}</th>
              <th scope="col" class="table__number">${msg("Tokens out")}</th>
              <th scope="col" class="table__number">${msg("Cost")}</th>
            </tr>
          </thead>
          <tbody>
            ${[...usage.rows].reverse().map(
              (row) => html`<tr>
                <th scope="row">${row.bucket.slice(0, 10)}</th>
                <td>${this.#nameOf(row.name)}</td>
                <td class="table__number">${shownNumber(row.calls)}</td>
                <td class="table__number">${shownNumber(row.input_tokens)}</td>
                <td class="table__number">${shownNumber(row.output_tokens)}</td>
                <td class="table__number">${shownDollars(row.cost_micros)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  #nameOf(name: string): string {
    if (name === PLATFORM) return msg("the platform (shadows)");
    return this.#names.get(name) ?? (name === "" ? msg("none") : name);
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      if (this.#names.size === 1) {
        const { items } = await this.#api.tenants();
        this.#names = new Map([...this.#names, ...items.map(({ id, name }) => [id, name] as const)]);
      }
      const { since, until, by } = this;
      this.usage = await this.#api.spending({ since, until, by });
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #draw(): Promise<void> {
    this.#erase?.();
    this.#erase = null;
    const { canvas, usage } = this;
    if (canvas === null || usage === null) return;
    const { drawUsage } = await import("../gateway/usage-chart");
    // Another answer may have come while the chart's code was loaded.
    if (usage !== this.usage || !canvas.isConnected) return;
    this.#erase = drawUsage(canvas, usage.rows, (name) => this.#nameOf(name));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-spending-page": SpendingPage;
  }
}
