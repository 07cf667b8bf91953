/** The newest decisions of routing, followed as they come; each opens to its candidates. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import type { Decision, DecisionQuery, RoutingApi } from "../gateway/routing-api";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

const REFRESH_MS = 3_000;
const ANY: DecisionQuery = { model: "", kind: "", failed: false, cursor: null };

@customElement("soma-routing-decisions")
export class RoutingDecisions extends LightElement {
  @property({ attribute: false }) api!: RoutingApi;
  /** Names of tenants by id; empty within one tenant. */
  @property({ attribute: false }) tenants: ReadonlyMap<string, string> = new Map();
  @state() private items: readonly Decision[] | null = null;
  @state() private next: string | null = null;
  @state() private wanted = ANY;
  @state() private problem: Problem | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #older = false;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
    this.#timer = setInterval(() => {
      // Who reads older ones, or an opened one, is not disturbed.
      const isReading = this.#older || this.querySelector("details[open]") !== null;
      if (document.visibilityState === "visible" && !isReading) void this.#load();
    }, REFRESH_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render(): TemplateResult {
    return html`<section aria-labelledby="decisions-title">
      <h2 id="decisions-title" class="gateway__title">${msg("Decisions")}</h2>
      <div class="gateway__controls">
        <label class="field">
          <span class="field__label">${msg("Model, as it was chosen")}</span>
          <input class="input" type="search" name="model" @change=${this.#filter} />
        </label>
        <label class="field">
          <span class="field__label">${msg("Kind of call")}</span>
          <select class="input" name="kind" @change=${this.#filter}>
            <option value="">${msg("any")}</option>
            ${["chat", "errand", "completion", "embedding"].map((one) => html`<option value=${one}>${one}</option>`)}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" name="failed" @change=${this.#filter} />
          <span>${msg("only failed ones")}</span>
        </label>
      </div>
      ${this.#list()}
    </section>`;
  }

  #list(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.items === null) return skeleton(3, msg("Loading decisions…"));
    if (this.items.length === 0) {
      return emptyView(msg("No decision"), msg("Each call that a model is chosen for appears here within a second."));
    }
    return html`<ul class="gateway__decisions" data-testid="decisions">
        ${repeat(this.items, ({ id }) => id, (one) => this.#one(one))}
      </ul>
      ${this.next === null
        ? nothing
        : html`<button type="button" class="button" @click=${() => void this.#more()}>${msg("Show older ones")}</button>`}`;
  }

  #one(one: Decision): TemplateResult {
    const tenant = this.tenants.get(one.tenant_id);
    const well: Record<string, string> = { ok: msg("answered"), cached: msg("an earlier answer") };
    const outcome = well[one.outcome];
    return html`<li class="card">
      <details>
        <summary>
          <span title=${exactTime(one.at)}>${dayOf(one.at)}, ${clockTime(one.at)}</span>
          <strong>${one.answered === "" ? one.model : one.answered}</strong>
          <span class="hint">${one.reason}</span>
          ${tenant === undefined ? nothing : html`<span class="tag">${tenant}</span>`}
          <span class=${outcome === undefined ? "tag tag--warning" : "tag"}>${outcome ?? one.outcome}</span>
        </summary>
        <dl class="derived">
          ${this.#fact(msg("Asked for"), one.asked)} ${this.#fact(msg("Kind of call"), one.kind)}
          ${this.#fact(msg("Needs"), one.need.capabilities.join(", "))}
          ${this.#fact(msg("First word"), one.first_token_ms === null ? "–" : msg(str`${one.first_token_ms} ms`))}
          ${this.#fact(msg("Weighed"), one.from_cache ? msg("a moment before") : msg("for this call"))}
          ${one.shadow === "" ? nothing : this.#fact(msg("Shadow"), one.shadow)}
          ${this.#fact(msg("Call"), one.call_id)}
        </dl>
        ${one.attempts.length === 0
          ? nothing
          : html`<p>${msg("Failed before:")}</p>
              <ul>
                ${one.attempts.map((try_) => html`<li>${try_.model}: ${try_.code} (${try_.ms} ms)</li>`)}
              </ul>`}
        <p>${msg("Candidates")}</p>
        <ul>
          ${one.candidates.map(
            ({ model, score, left_out: why }) =>
              html`<li>${model}: ${why === "" ? msg(str`score ${String(score)}`) : why}</li>`,
          )}
        </ul>
      </details>
    </li>`;
  }

  #fact(name: string, value: string): TemplateResult {
    return html`<div class="derived__row"><dt>${name}</dt><dd>${value}</dd></div>`;
  }

  readonly #filter = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    const value = field.type === "checkbox" ? field.checked : field.value.trim();
    this.wanted = { ...this.wanted, [field.name]: value };
    void this.#load();
  };

  async #load(): Promise<void> {
    try {
      const page = await this.api.decisions(this.wanted);
      this.items = page.items;
      this.next = page.next;
      this.#older = false;
      this.problem = null;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #more(): Promise<void> {
    try {
      const page = await this.api.decisions({ ...this.wanted, cursor: this.next });
      this.items = [...(this.items ?? []), ...page.items];
      this.next = page.next;
      this.#older = true;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-routing-decisions": RoutingDecisions;
  }
}
