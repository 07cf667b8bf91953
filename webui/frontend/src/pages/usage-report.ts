/** What was used in some days: choice of days and sum, a chart, the same numbers as a table or file. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { csvOf, nameOf, shownDollars, shownNumber } from "../gateway/amounts";
import type { Usage, UsageQuery } from "../gateway/gateway-api";
import "../styles/gateway.css";
import "../styles/memory.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";

const DAYS = 30;

function dayBefore(days: number): string {
  const moment = new Date();
  moment.setDate(moment.getDate() - days);
  return moment.toISOString().slice(0, 10);
}

/** What usage can be summed by, with its words; the first is what is shown first. */
export type Sums = readonly (readonly [by: string, name: string])[];

@customElement("soma-usage-report")
export class UsageReport extends LightElement {
  @property({ attribute: false }) sums: Sums = [];
  @property({ attribute: false }) ask!: (query: UsageQuery) => Promise<Usage>;
  /** What the ids in the rows are called. */
  @property({ attribute: false }) names: ReadonlyMap<string, string> = new Map();
  @state() private usage: Usage | null = null;
  @state() private problem: Problem | null = null;
  @state() private query: UsageQuery = { since: dayBefore(DAYS), until: dayBefore(0), by: "" };
  @query("canvas") private readonly canvas!: HTMLCanvasElement | null;
  #erase: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.query = { ...this.query, by: this.sums[0]?.[0] ?? "" };
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#erase?.();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("usage") || changed.has("names")) void this.#draw();
  }

  protected override render(): TemplateResult {
    return html`${this.#controls()} ${this.#body()}`;
  }

  #controls(): TemplateResult {
    const choose = (event: Event): void => {
      const { name, value } = event.target as HTMLInputElement;
      if (value === "") return;
      this.query = { ...this.query, [name]: value };
      void this.#load();
    };
    const { since, until, by } = this.query;
    return html`<div class="gateway__controls">
      <label class="field">
        <span class="field__label">${msg("From")}</span>
        <input class="input" type="date" name="since" .value=${since} @change=${choose} />
      </label>
      <label class="field">
        <span class="field__label">${msg("To")}</span>
        <input class="input" type="date" name="until" .value=${until} @change=${choose} />
      </label>
      <label class="field">
        <span class="field__label">${msg("By")}</span>
        <select class="input" name="by" @change=${choose}>
          ${this.sums.map(
            ([one, name]) => html`<option value=${one} ?selected=${one === by}>${name}</option>`,
          )}
        </select>
      </label>
      <button
        type="button"
        class="button"
        ?disabled=${this.usage === null || this.usage.rows.length === 0}
        @click=${() => {
          this.#download();
        }}
      >
        ${msg("Download as CSV")}
      </button>
    </div>`;
  }

  #body(): TemplateResult {
    const { usage } = this;
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (usage === null) return skeleton(5, msg("Loading usage…"));
    if (usage.rows.length === 0) {
      return emptyView(msg("Nothing was used in these days"), msg("Calls appear here within a second."));
    }
    return html`${this.#totals(usage.total)}
      <div class="gateway__chart">
        <canvas role="img" aria-label=${msg("Usage by day, as in the table below")}></canvas>
      </div>
      ${usage.is_cut ? html`<p class="notice">${msg("There is more than is shown: choose fewer days.")}</p>` : nothing}
      ${this.#table(usage.rows)}
      <p class="hint">${msg(str`Days begin in the zone ${usage.zone}.`)}</p>`;
  }

  #totals(total: Usage["total"]): TemplateResult {
    const one = (name: string, value: string): TemplateResult =>
      html`<div class="gateway__total"><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<dl class="gateway__totals" data-testid="totals">
        ${one(msg("Cost"), shownDollars(total.cost_micros))}
        ${one(msg("Calls"), shownNumber(total.calls))}
        ${one(msg("Tokens in"), shownNumber(total.input_tokens))}
        ${one(msg("Tokens out"), shownNumber(total.output_tokens))}
        ${one(msg("Failed"), shownNumber(total.failures))}
      </dl>
      ${total.estimated === 0
        ? nothing
        : html`<p class="hint">
            ${msg(str`Of ${total.estimated} calls the provider told no count, or they were cut: they are estimated.`)}
          </p>`}`;
  }

  #table(rows: Usage["rows"]): TemplateResult {
    const by = this.sums.find(([one]) => one === this.query.by)?.[1] ?? "";
    return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Usage")}>
      <table class="table" data-testid="usage">
        <thead>
          <tr>
            <th scope="col">${msg("Day")}</th>
            <th scope="col">${by}</th>
            <th scope="col" class="table__number">${msg("Calls")}</th>
            <th scope="col" class="table__number">${msg("Tokens in")}</th>
            <th scope="col" class="table__number">${msg("Tokens out")}</th>
            <th scope="col" class="table__number">${msg("Cost")}</th>
          </tr>
        </thead>
        <tbody>
          ${[...rows].reverse().map(
            (row) => html`<tr>
              <th scope="row">${row.bucket.slice(0, 10)}</th>
              <td>${nameOf(this.names, row.name)}</td>
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

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.usage = await this.ask(this.query);
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #draw(): Promise<void> {
    this.#erase?.();
    this.#erase = null;
    const { canvas, names, usage } = this;
    if (canvas === null || usage === null) return;
    const { drawUsage } = await import("../gateway/usage-chart");
    // Other numbers or names may have come while the chart's code was loaded.
    if (usage !== this.usage || names !== this.names || !canvas.isConnected) return;
    this.#erase = drawUsage(canvas, usage.rows, (name) => nameOf(names, name));
  }

  #download(): void {
    if (this.usage === null) return;
    const { since, until, by } = this.query;
    const file = new Blob([csvOf(this.usage.rows, by)], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `usage-${since}-${until}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-usage-report": UsageReport;
  }
}
