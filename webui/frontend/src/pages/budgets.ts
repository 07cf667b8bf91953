/** Budgets of the organisation: what each binds, how much of it is spent; set and removed here. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { MICRO, nameOf, shownAmount } from "../gateway/amounts";
import { GatewayApi } from "../gateway/gateway-api";
import type { BudgetDraft, Standing } from "../gateway/gateway-api";
import { Busy } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

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

@customElement("soma-budgets")
export class Budgets extends LightElement {
  /** What the people, agents and keys are called. */
  @property({ attribute: false }) names: ReadonlyMap<string, string> = new Map();
  @state() private budgets: readonly Standing[] = [];
  @state() private formProblem: Problem | null = null;
  @query("#budget-form") private readonly form!: HTMLDialogElement;
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<section aria-labelledby="budgets-title">
      <div class="gateway__head">
        <h2 id="budgets-title" class="gateway__title">${msg("Budgets")}</h2>
        <button
          type="button"
          class="button"
          @click=${() => {
            this.formProblem = null;
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
          ?disabled=${this.#busy.now}
          @click=${() => void this.#remove(budget.id)}
        >
          ${msg("Remove")}
        </button>
      </div>
      ${accounts.length === 0 ? html`<p class="hint">${msg("Nothing was spent yet.")}</p>` : nothing}
      ${accounts.slice(0, 5).map(({ subject_id: id, spent_micros: spent }) => {
        const name = budget.subject === "tenant" ? msg("Spent") : nameOf(this.names, id);
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
        ${this.formProblem === null ? nothing : problemView(this.formProblem)}
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
        ${dialogActs(msg("Set it"), msg("Cancel"), this.#busy.now)}
      </form>
    </dialog>`;
  }

  async #load(): Promise<void> {
    try {
      this.budgets = await this.#api.budgets();
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }

  #set(event: SubmitEvent): Promise<void> {
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
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        await this.#api.setBudget(draft);
        form.reset();
        this.form.close();
        this.budgets = await this.#api.budgets();
        this.services.toasts.say(msg("The budget is set. It binds from the next call on."));
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #remove(id: string): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.removeBudget(id);
      this.budgets = await this.#api.budgets();
      this.services.toasts.say(msg("The budget is removed."));
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-budgets": Budgets;
  }
}
