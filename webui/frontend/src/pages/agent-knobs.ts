/** The three knobs of an agent, and what they give a turn, live. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Agent, Derived, Knobs, Problem } from "../api/types";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

const SETTLE_MS = 120;
const START: Knobs = { intelligence: 5, autonomy: 5, resource_usd: 0.5 };
const DOLLARS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];

@customElement("soma-knobs")
export class AgentKnobs extends LightElement {
  /** The agent that is edited; null for a new one. */
  @property({ attribute: false }) agent: Agent | null = null;
  @property({ attribute: false }) canEdit = false;
  /** What the person has set. */
  @state() values: Knobs = START;
  @state() private derived: Derived | null = null;
  @state() private problem: Problem | null = null;
  #timer = 0;
  #asked = 0;

  override disconnectedCallback(): void {
    window.clearTimeout(this.#timer);
    super.disconnectedCallback();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("agent") && this.hasUpdated) return;
    this.values =
      this.agent === null
        ? START
        : {
            intelligence: this.agent.intelligence,
            autonomy: this.agent.autonomy,
            resource_usd: this.agent.resource_usd,
          };
    this.derived = this.agent?.derived ?? null;
    if (this.derived === null) void this.#derive();
  }

  protected override render(): TemplateResult {
    return html`<fieldset class="knobs">
      <legend class="field__label">${msg("How it works")}</legend>
      ${this.#slider(
        "intelligence",
        msg("Intelligence"),
        msg("Longer, freer answers that rest on more memories."),
      )}
      ${this.#slider(
        "autonomy",
        msg("Autonomy"),
        msg("How much it may do without asking a person."),
      )}
      <div class="field">
        <label class="field__label" for="knob-resource">${msg("Spending limit per turn")}</label>
        <select
          id="knob-resource"
          class="input"
          ?disabled=${!this.canEdit}
          @change=${(event: Event) => {
            this.#set("resource_usd", (event.target as HTMLSelectElement).value);
          }}
        >
          ${[...new Set([...DOLLARS, this.values.resource_usd])]
            .sort((a, b) => a - b)
            .map(
              (dollars) => html`<option
                value=${dollars}
                ?selected=${dollars === this.values.resource_usd}
              >
                ${money(dollars)}
              </option>`,
            )}
        </select>
      </div>
      ${this.problem === null
        ? nothing
        : problemView(this.problem, () => {
            void this.#derive();
          })}
      ${this.#table()}
    </fieldset>`;
  }

  #slider(name: "intelligence" | "autonomy", label: string, hint: string): TemplateResult {
    return html`<div class="field">
      <label class="field__label" for="knob-${name}">${label}</label>
      <span class="row">
        <input
          id="knob-${name}"
          class="slider"
          type="range"
          min="1"
          max="10"
          step="1"
          aria-describedby="knob-${name}-hint"
          ?disabled=${!this.canEdit}
          .value=${String(this.values[name])}
          @input=${(event: Event) => {
            this.#set(name, (event.target as HTMLInputElement).value);
          }}
        />
        <output for="knob-${name}">${this.values[name]}</output>
      </span>
      <span class="field__hint" id="knob-${name}-hint">${hint}</span>
    </div>`;
  }

  #table(): TemplateResult | typeof nothing {
    const derived = this.derived;
    if (derived === null) return nothing;
    const tiers = {
      budget: msg("budget"),
      standard: msg("standard"),
      premium: msg("premium"),
      flagship: msg("flagship"),
    };
    const approvals = {
      every: msg("every action"),
      dangerous: msg("dangerous actions"),
      none: msg("nothing"),
    };
    const reach = {
      none: msg("nothing outside"),
      allowlist: msg("listed addresses"),
      extended: msg("listed and well-known addresses"),
      unrestricted: msg("any public address"),
    };
    const rows: [string, string][] = [
      [msg("Temperature"), derived.temperature.toLocaleString()],
      [msg("Longest answer"), msg(str`${derived.output_tokens.toLocaleString()} tokens`)],
      [msg("A whole turn"), msg(str`${derived.turn_tokens.toLocaleString()} tokens at most`)],
      [
        msg("Memories recalled"),
        derived.asks_memory ? msg(str`up to ${derived.recall_items}`) : msg("none"),
      ],
      [msg("Model tier"), tiers[derived.model_tier]],
      [msg("Cost tier"), tiers[derived.cost_tier]],
      [msg("A person confirms"), approvals[derived.tool_approval]],
      [msg("May reach"), reach[derived.egress]],
    ];
    return html`<dl class="derived" aria-live="polite" data-testid="derived">
      ${rows.map(
        ([name, value]) =>
          html`<div class="derived__row"><dt>${name}</dt><dd>${value}</dd></div>`,
      )}
    </dl>`;
  }

  #set(name: keyof Knobs, text: string): void {
    this.values = { ...this.values, [name]: Number(text) };
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#derive(), SETTLE_MS);
  }

  async #derive(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const derived = await this.services.api.derivedOf(this.values);
      // A slower answer to an earlier question must not overwrite a later one.
      if (asked === this.#asked) [this.derived, this.problem] = [derived, null];
    } catch (failure) {
      if (asked === this.#asked) this.problem = problemOf(failure);
    }
  }
}

function money(dollars: number): string {
  return dollars.toLocaleString(undefined, { style: "currency", currency: "USD" });
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-knobs": AgentKnobs;
  }
}
