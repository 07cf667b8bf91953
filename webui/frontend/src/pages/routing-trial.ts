/** What a call would do now, and why: asks no model. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Model, Problem } from "../api/types";
import { shownDollars } from "../gateway/amounts";
import type { RoutingApi, Trial, Verdict } from "../gateway/routing-api";
import { abilityName, CAPABILITIES } from "../gateway/routing-words";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

@customElement("soma-routing-trial")
export class RoutingTrial extends LightElement {
  @property({ attribute: false }) api!: RoutingApi;
  @property({ attribute: false }) models: readonly Model[] = [];
  @state() private verdict: Verdict | null = null;
  @state() private problem: Problem | null = null;
  @state() private busy = false;

  protected override render(): TemplateResult {
    return html`<section aria-labelledby="trial-title">
      <h2 id="trial-title" class="gateway__title">${msg("What would a call do now?")}</h2>
      <form class="card form" @submit=${(event: SubmitEvent) => void this.#try(event)}>
        <div class="knobs">
          <label class="field">
            <span class="field__label">${msg("It asks for")}</span>
            <select class="input" name="asked">
              <option value="auto">auto</option>
              ${this.models.map(({ name, provider_name: provider }) => {
                const whole = `${provider}/${name}`;
                return html`<option value=${whole}>${whole}</option>`;
              })}
            </select>
          </label>
          <label class="field">
            <span class="field__label">${msg("Tokens of the question")}</span>
            <input class="input" type="number" name="input" min="0" step="1" required value="1000" />
          </label>
          <label class="field">
            <span class="field__label">${msg("Tokens of the answer")}</span>
            <input class="input" type="number" name="output" min="0" step="1" required value="500" />
          </label>
        </div>
        <fieldset class="gateway__checks">
          <legend class="field__label">${msg("It needs")}</legend>
          ${CAPABILITIES.filter((one) => one !== "text").map(
            (one) => html`<label class="check">
              <input type="checkbox" name="able" value=${one} />
              <span>${abilityName(one)}</span>
            </label>`,
          )}
          <label class="check">
            <input type="checkbox" name="small" />
            <span>${msg("only a small model (a title)")}</span>
          </label>
        </fieldset>
        <div class="row">
          <button type="submit" class="button" ?disabled=${this.busy}>${msg("Try it")}</button>
        </div>
      </form>
      <div role="status">${this.#told()}</div>
    </section>`;
  }

  #told(): TemplateResult | typeof nothing {
    if (this.problem !== null) return problemView(this.problem);
    const { verdict } = this;
    if (verdict === null) return nothing;
    const first = verdict.candidates.find(({ model_id: id }) => id === verdict.plan[0]);
    return html`<p class="gateway__verdict" data-testid="verdict">
        ${first === undefined
          ? msg("No model fits.")
          : html`<strong>${first.label}</strong>: ${verdict.reason}.`}
      </p>
      <div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Candidates")}>
        <table class="table" data-testid="candidates">
          <thead>
            <tr>
              <th scope="col">${msg("Model")}</th>
              <th scope="col">${msg("Left out because")}</th>
              <th scope="col" class="table__number">${msg("Score")}</th>
              <th scope="col" class="table__number">${msg("Cost")}</th>
            </tr>
          </thead>
          <tbody>
            ${verdict.candidates.map(
              (one) => html`<tr>
                <th scope="row">${one.label}</th>
                <td>${one.left_out}</td>
                <td class="table__number">${one.score ?? "–"}</td>
                <td class="table__number">${shownDollars(one.cost_micros)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  async #try(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const able = fields.getAll("able").filter((one) => typeof one === "string");
    const asked = fields.get("asked");
    this.busy = true;
    this.problem = null;
    try {
      this.verdict = await this.api.try({
        asked: typeof asked === "string" ? asked : "auto",
        capabilities: ["text", ...able] as NonNullable<Trial["capabilities"]>,
        input_tokens: Number(fields.get("input")),
        output_tokens: Number(fields.get("output")),
        is_small: fields.has("small"),
        stays_home: false,
        seed: 0,
      });
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-routing-trial": RoutingTrial;
  }
}
