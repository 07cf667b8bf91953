/** What models were used and cost: a chart with the same numbers as a table, budgets, last calls. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { csvOf, MICRO, NOBODY, shownAmount, shownDollars, shownNumber } from "../gateway/amounts";
import { GatewayApi } from "../gateway/gateway-api";
import type { BudgetDraft, Call, Standing, Usage, UsageBy, UsageRow } from "../gateway/gateway-api";
import { StoreController } from "../store";
import "../styles/gateway.css";
import "../styles/memory.css";
import { LightElement } from "../ui/light-element";
import { dialogActs } from "../ui/dialog-acts";
import { emptyView, problemView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";
import "./answer-cache";

const DAYS = 30;

function dayBefore(days: number): string {
  const moment = new Date();
  moment.setDate(moment.getDate() - days);
  return moment.toISOString().slice(0, 10);
}

function byName(by: UsageBy): string {
  switch (by) {
    case "model":
      return msg("Model");
    case "user":
      return msg("Person");
    case "agent":
      return msg("Agent");
    case "key":
      return msg("Key");
    case "kind":
      return msg("Kind of call");
  }
}

function periodName(period: Standing["budget"]["period"]): string {
  switch (period) {
    case "turn":
      return msg("a turn");
    case "day":
      return msg("a day");
    case "month":
      return msg("a month");
    case "ever":
      return msg("in all");
  }
}

function metricName(metric: Standing["budget"]["metric"]): string {
  switch (metric) {
    case "usd":
      return msg("dollars");
    case "tokens":
      return msg("tokens");
    case "api_calls":
      return msg("calls");
    case "voice_minutes":
      return msg("minutes of speech");
  }
}

function subjectName(subject: Standing["budget"]["subject"]): string {
  switch (subject) {
    case "tenant":
      return msg("The organisation");
    case "user":
      return msg("Each person");
    case "agent":
      return msg("Each agent");
    case "key":
      return msg("Each key");
    case "model":
      return msg("Each model");
  }
}

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
  @state() private usage: Usage | null = null;
  @state() private calls: readonly Call[] = [];
  @state() private budgets: readonly Standing[] = [];
  @state() private problem: Problem | null = null;
  @state() private budgetProblem: Problem | null = null;
  @state() private since = dayBefore(DAYS);
  @state() private until = dayBefore(0);
  @state() private by: UsageBy = "model";
  @state() private names = new Map<string, string>();
  @state() private busy = false;
  @query("canvas") private readonly canvas!: HTMLCanvasElement | null;
  @query("#budget-form") private readonly form!: HTMLDialogElement;
  readonly #session = new StoreController(this);
  #api!: GatewayApi;
  #erase: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Usage")} · SomaAgent`;
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#erase?.();
  }

  get #mayAdministrate(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("usage")) void this.#draw();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Usage")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="usage-page">
        <p class="hint">
          ${this.#mayAdministrate
            ? msg("What all people, agents and keys of the organisation used.")
            : msg("What you and your keys used.")}
        </p>
        ${this.#controls()} ${this.#body()}
        ${this.#mayAdministrate ? this.#budgets() : nothing}
        ${this.#mayAdministrate ? html`<soma-answer-cache></soma-answer-cache>` : nothing}
        ${this.#calls()}
      </main>`;
  }

  #controls(): TemplateResult {
    const choose = (event: Event): void => {
      const { name, value } = event.target as HTMLInputElement;
      if (value === "") return;
      if (name === "since") this.since = value;
      if (name === "until") this.until = value;
      if (name === "by") this.by = value as UsageBy;
      void this.#loadUsage();
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
          ${(["model", "user", "agent", "key", "kind"] as const).map(
            (one) => html`<option value=${one} ?selected=${one === this.by}>${byName(one)}</option>`,
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
    const { total } = usage;
    return html`<dl class="gateway__totals" data-testid="totals">
        ${this.#total(msg("Cost"), shownDollars(total.cost_micros))}
        ${this.#total(msg("Calls"), shownNumber(total.calls))}
        ${this.#total(msg("Tokens in"), shownNumber(total.input_tokens))}
        ${this.#total(msg("Tokens out"), shownNumber(total.output_tokens))}
        ${this.#total(msg("Failed"), shownNumber(total.failures))}
      </dl>
      ${total.estimated === 0
        ? nothing
        : html`<p class="hint">
            ${msg(str`Of ${total.estimated} calls the provider told no count, or they were cut: they are estimated.`)}
          </p>`}
      <div class="gateway__chart"><canvas role="img" aria-label=${msg("Usage by day, as in the table below")}></canvas></div>
      ${usage.is_cut ? html`<p class="notice">${msg("There is more than is shown: choose fewer days.")}</p>` : nothing}
      <div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Usage")}>
        <table class="table" data-testid="usage">
          <thead>
            <tr>
              <th scope="col">${msg("Day")}</th>
              <th scope="col">${byName(this.by)}</th>
              <th scope="col" class="table__number">${msg("Calls")}</th>
              <th scope="col" class="table__number">${msg("Tokens in")}</th>
              <th scope="col" class="table__number">${msg("Tokens out")}</th>
              <th scope="col" class="table__number">${msg("Cost")}</th>
            </tr>
          </thead>
          <tbody>
            ${[...usage.rows].reverse().map((row) => this.#row(row))}
          </tbody>
        </table>
      </div>
      <p class="hint">${msg(str`Days begin in the zone ${usage.zone}.`)}</p>`;
  }

  #total(name: string, value: string): TemplateResult {
    return html`<div class="gateway__total"><dt>${name}</dt><dd>${value}</dd></div>`;
  }

  #row(row: UsageRow): TemplateResult {
    return html`<tr>
      <th scope="row">${row.bucket.slice(0, 10)}</th>
      <td>${this.#nameOf(row.name)}</td>
      <td class="table__number">${shownNumber(row.calls)}</td>
      <td class="table__number">${shownNumber(row.input_tokens)}</td>
      <td class="table__number">${shownNumber(row.output_tokens)}</td>
      <td class="table__number">${shownDollars(row.cost_micros)}</td>
    </tr>`;
  }

  #nameOf(name: string): string {
    if (name === "" || name === NOBODY) return msg("none");
    return this.names.get(name) ?? name;
  }

  #budgets(): TemplateResult {
    return html`<section aria-labelledby="budgets-title">
      <div class="gateway__head">
        <h2 id="budgets-title" class="gateway__title">${msg("Budgets")}</h2>
        <button
          type="button"
          class="button"
          @click=${() => {
            this.budgetProblem = null;
            this.form.showModal();
          }}
        >
          ${msg("Set a budget")}
        </button>
      </div>
      ${this.budgets.length === 0
        ? html`<p class="hint">${msg("There is none: everything is recorded, nothing is limited.")}</p>`
        : html`<ul class="gateway__budgets" data-testid="budgets">
            ${this.budgets.map((one) => this.#budget(one))}
          </ul>`}
      ${this.#dialog()}
    </section>`;
  }

  #budget({ budget, accounts }: Standing): TemplateResult {
    const limit = budget.limit_micros;
    const title = `${subjectName(budget.subject)}: ${
      limit < 0 ? msg("unlimited") : shownAmount(budget.metric, limit)
    } ${budget.metric === "usd" && limit >= 0 ? "" : metricName(budget.metric)} ${periodName(budget.period)}`;
    return html`<li class="card">
      <div class="card__head">
        <h3 class="card__title">${title}</h3>
        ${budget.is_hard ? nothing : html`<span class="tag">${msg("warns only")}</span>`}
        <button
          type="button"
          class="button button--small"
          aria-label=${msg(str`Remove: ${title}`)}
          ?disabled=${this.busy}
          @click=${() => void this.#remove(budget.id)}
        >
          ${msg("Remove")}
        </button>
      </div>
      ${accounts.length === 0 ? html`<p class="hint">${msg("Nothing was spent yet.")}</p>` : nothing}
      ${accounts.slice(0, 5).map(({ subject_id: id, spent_micros: spent }) => {
        const name = budget.subject === "tenant" ? msg("Spent") : this.#nameOf(id);
        const shown = shownAmount(budget.metric, spent);
        return html`<div class="gateway__account">
          <span>${name}: ${shown}</span>
          ${limit > 0
            ? html`<meter min="0" max=${limit} .value=${Math.min(spent, limit)} aria-label=${`${name}: ${shown}`}></meter>`
            : nothing}
        </div>`;
      })}
    </li>`;
  }

  #dialog(): TemplateResult {
    return html`<dialog class="dialog" id="budget-form" aria-labelledby="budget-title">
      <form @submit=${(event: SubmitEvent) => void this.#set(event)}>
        <h2 class="card__title" id="budget-title">${msg("Set a budget")}</h2>
        ${this.budgetProblem === null ? nothing : problemView(this.budgetProblem)}
        <label class="field">
          <span class="field__label">${msg("Of")}</span>
          <select class="input" name="subject">
            ${(["tenant", "user", "agent", "key", "model"] as const).map(
              (one) => html`<option value=${one}>${subjectName(one)}</option>`,
            )}
          </select>
        </label>
        <label class="field">
          <span class="field__label">${msg("Limit")}</span>
          <input class="input" name="limit" type="number" min="0" step="any" required inputmode="decimal" />
        </label>
        <label class="field">
          <span class="field__label">${msg("In")}</span>
          <select class="input" name="metric">
            ${(["usd", "tokens", "api_calls", "voice_minutes"] as const).map(
              (one) => html`<option value=${one}>${metricName(one)}</option>`,
            )}
          </select>
        </label>
        <label class="field">
          <span class="field__label">${msg("For")}</span>
          <select class="input" name="period">
            ${(["month", "day", "turn", "ever"] as const).map(
              (one) => html`<option value=${one}>${periodName(one)}</option>`,
            )}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" name="hard" checked />
          <span>${msg("Refuse calls that would exceed it")}</span>
        </label>
        ${dialogActs(msg("Set it"), msg("Cancel"), this.busy)}
      </form>
    </dialog>`;
  }

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
    await this.#loadUsage();
    if (this.problem !== null) return;
    try {
      this.calls = (await this.#api.calls()).items;
      const named = await Promise.all([this.#api.keys(), this.services.api.agents()]);
      this.names = new Map(named.flatMap(({ items }) => items.map(({ id, name }) => [id, name])));
      const { me } = this.services.session.state;
      if (me !== null) this.names.set(me.user.id, me.user.display_name || me.user.email);
      if (this.#mayAdministrate) this.budgets = await this.#api.budgets();
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }

  async #loadUsage(): Promise<void> {
    this.problem = null;
    try {
      const { since, until, by } = this;
      this.usage = await this.#api.usage({ since, until, by });
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

  #download(): void {
    if (this.usage === null) return;
    const file = new Blob([csvOf(this.usage.rows, this.by)], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `usage-${this.since}-${this.until}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async #set(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const fields = new FormData(form);
    const draft = {
      subject: fields.get("subject"),
      metric: fields.get("metric"),
      period: fields.get("period"),
      limit_micros: Math.round(Number(fields.get("limit")) * MICRO),
      is_hard: fields.has("hard"),
    } as BudgetDraft;
    this.busy = true;
    this.budgetProblem = null;
    try {
      await this.#api.setBudget(draft);
      form.reset();
      this.form.close();
      this.budgets = await this.#api.budgets();
      this.services.toasts.say(msg("The budget is set. It binds from the next call on."));
    } catch (failure) {
      this.budgetProblem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }

  async #remove(id: string): Promise<void> {
    this.busy = true;
    try {
      await this.#api.removeBudget(id);
      this.budgets = await this.#api.budgets();
      this.services.toasts.say(msg("The budget is removed."));
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-usage-page": UsagePage;
  }
}
