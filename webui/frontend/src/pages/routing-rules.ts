/** The form of the rules by which models are chosen. Tells `rules` what was saved. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Model, Problem } from "../api/types";
import { MICRO } from "../gateway/amounts";
import type { RoutingApi, Rules, RulesStanding } from "../gateway/routing-api";
import { ACTS, actName, FAILURES, failureName, GOALS, goalName, TIERS, tierName } from "../gateway/routing-words";
import { showProblem } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

const PLACES = [0, 1, 2] as const;

@customElement("soma-routing-rules")
export class RoutingRules extends LightElement {
  @property({ attribute: false }) api!: RoutingApi;
  @property({ attribute: false }) models: readonly Model[] = [];
  @property({ attribute: false }) standing!: RulesStanding;
  @property({ type: Boolean }) platform = false;
  @state() private problem: Problem | null = null;
  @state() private busy = false;

  protected override render(): TemplateResult {
    const { rules, is_own: isOwn } = this.standing;
    return html`<form class="card form" data-testid="routing-rules" @submit=${(event: SubmitEvent) => void this.#save(event)}>
      ${this.problem === null ? nothing : problemView(this.problem)}
      ${isOwn ? nothing : html`<p class="hint">${msg("Nothing is set here: the platform’s rules hold.")}</p>`}
      <div class="knobs">
        <label class="field">
          <span class="field__label">${msg("Models are chosen by")}</span>
          <select class="input" name="goal">
            ${GOALS.map((one) => html`<option value=${one} ?selected=${one === rules.goal}>${goalName(one)}</option>`)}
          </select>
        </label>
        <label class="field">
          <span class="field__label">${msg("Highest tier")}</span>
          <select class="input" name="tier">
            <option value="">${msg("any")}</option>
            ${TIERS.map((one) => html`<option value=${one} ?selected=${one === rules.max_tier}>${tierName(one)}</option>`)}
          </select>
        </label>
        ${this.#number("dollars", msg("A call costs at most (dollars)"), rules.max_call_micros === null || rules.max_call_micros === undefined ? null : rules.max_call_micros / MICRO)}
        <label class="field">
          <span class="field__label">${msg("Only in these regions")}</span>
          <input class="input" name="regions" .value=${rules.regions.join(", ")} placeholder=${msg("all, or: eu, us")} />
        </label>
        ${this.#number("attempt", msg("Wait for a model (seconds)"), rules.attempt_s ?? null)}
        ${this.#number("overall", msg("Wait for all together (seconds)"), rules.overall_s ?? null)}
      </div>
      <fieldset class="knobs">
        <legend class="field__label">${msg("Order")}</legend>
        ${PLACES.map((place) =>
          this.#model(
            `order-${place}`,
            [msg("First"), msg("Then"), msg("And then")][place] ?? "",
            rules.order[place],
            msg("as in the catalogue"),
          ),
        )}
      </fieldset>
      <fieldset class="knobs">
        <legend class="field__label">${msg("When a model fails before its first word")}</legend>
        ${FAILURES.map(
          (code) => html`<label class="field">
            <span class="field__label">${failureName(code)}</span>
            <select class="input" name=${code}>
              <option value="">${msg("as usual")}</option>
              ${ACTS.map(
                (act) =>
                  html`<option value=${act} ?selected=${rules.fallbacks[code] === act}>${actName(act)}</option>`,
              )}
            </select>
          </label>`,
        )}
      </fieldset>
      <div>
        ${this.#check("own", msg("Only models on own machines"), rules.self_hosted_only)}
        ${this.#check("sticky", msg("A conversation stays with its model"), rules.sticky)}
        ${this.#check("small", msg("Titles and summaries go to a model of the tier budget"), rules.small_errands)}
        ${this.#check("learns", msg("Ask more often what did better (bounded, from these rules)"), rules.learns)}
      </div>
      <fieldset class="knobs">
        <legend class="field__label">${msg("Part of the calls")}</legend>
        ${this.#model("split", msg("is given to (A/B split)"), rules.split[0]?.model_id, msg("none"))}
        ${this.#number("split-share", msg("Per cent of the calls, split"), rules.split[0]?.percent ?? null, 100)}
        ${this.platform
          ? html`${this.#model("shadow", msg("is also asked of, unseen (shadow)"), rules.shadow?.model_id, msg("none"))}
            ${this.#number("shadow-share", msg("Per cent of the calls, shadow"), rules.shadow?.percent ?? null, 100)}`
          : nothing}
      </fieldset>
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.busy}>
          ${this.busy ? msg("Saving…") : msg("Save the rules")}
        </button>
        ${isOwn
          ? html`<button type="button" class="button" ?disabled=${this.busy} @click=${() => void this.#keep(null)}>
              ${msg("Remove them")}
            </button>`
          : nothing}
      </div>
    </form>`;
  }

  #number(name: string, label: string, value: number | null, most?: number): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <input
        class="input"
        type="number"
        name=${name}
        min="0"
        max=${most ?? nothing}
        step="any"
        inputmode="decimal"
        .value=${value === null ? "" : String(value)}
      />
    </label>`;
  }

  #check(name: string, label: string, isOn: boolean | undefined): TemplateResult {
    return html`<label class="check">
      <input type="checkbox" name=${name} .checked=${isOn ?? false} />
      <span>${label}</span>
    </label>`;
  }

  #model(name: string, label: string, chosen: string | undefined, none: string): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <select class="input" name=${name}>
        <option value="">${none}</option>
        ${this.models.map(
          ({ id, display_name: title, provider_name: provider }) =>
            html`<option value=${id} ?selected=${id === chosen}>${provider}/${title}</option>`,
        )}
      </select>
    </label>`;
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    await this.#keep(this.read(event.target as HTMLFormElement));
  }

  /** The rules as the form has them. */
  read(form: HTMLFormElement): Rules {
    const fields = new FormData(form);
    const text = (name: string): string => {
      const value = fields.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const number = (name: string): number | null => (text(name) === "" ? null : Number(text(name)));
    const share = (name: string): { model_id: string; percent: number } | null =>
      text(name) === "" ? null : { model_id: text(name), percent: number(`${name}-share`) ?? 0 };
    const dollars = number("dollars");
    const split = share("split");
    const acts = FAILURES.map((code) => [code, text(code)] as const).filter(([, act]) => act !== "");
    return {
      goal: text("goal") as Rules["goal"],
      order: PLACES.map((place) => text(`order-${place}`)).filter((id) => id !== ""),
      max_tier: text("tier") === "" ? null : (text("tier") as NonNullable<Rules["max_tier"]>),
      max_call_micros: dollars === null ? null : Math.round(dollars * MICRO),
      regions: text("regions").split(",").map((one) => one.trim()).filter((one) => one !== ""),
      self_hosted_only: fields.has("own"),
      fallbacks: Object.fromEntries(acts) as NonNullable<Rules["fallbacks"]>,
      sticky: fields.has("sticky"),
      learns: fields.has("learns"),
      small_errands: fields.has("small"),
      attempt_s: number("attempt"),
      overall_s: number("overall"),
      split: split === null ? [] : [split],
      shadow: this.platform ? share("shadow") : null,
    };
  }

  async #keep(rules: Rules | null): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      this.standing = await this.api.setRules(rules);
      this.services.toasts.say(
        rules === null ? msg("The rules were removed.") : msg("The rules hold from the next call on."),
      );
    } catch (failure) {
      this.problem = problemOf(failure);
      await showProblem(this);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-routing-rules": RoutingRules;
  }
}
