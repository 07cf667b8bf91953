/** Setting levels and weights by hand, within their bounds, with a reason that is kept. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Problem } from "../api/types";
import type { Change } from "../memory/cognitive-api";
import { meaningOf } from "../memory/cognitive-words";
import { shownValue } from "../memory/learning";
import type { Parameter } from "../memory/types";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

/** What is typed by sliding has no more digits than are shown. */
const DIGITS = 3;
const CLOSE = 0.0005;

@customElement("soma-cognitive-adjust")
export class CognitiveAdjust extends LightElement {
  @property({ attribute: false }) parameters: readonly Parameter[] = [];
  @property({ attribute: false }) busy = false;
  @property({ attribute: false }) problem: Problem | null = null;
  /** What was moved and not yet applied. */
  @state() private moved: ReadonlyMap<string, number> = new Map();
  @state() private reason = "";

  /** After the server has taken the change. */
  applied(): void {
    this.moved = new Map();
    this.reason = "";
  }

  get isTouched(): boolean {
    return this.moved.size > 0;
  }

  protected override render(): TemplateResult {
    return html`<form class="adjust" @submit=${this.#apply}>
      ${this.#group("levels", msg("Levels"))} ${this.#group("weights", msg("Weights"))}
      ${this.problem === null ? nothing : problemView(this.problem)}
      <label class="field">
        <span class="field__label">${msg("Reason")}</span>
        <input
          class="input"
          maxlength="500"
          placeholder=${msg("Kept with the change, for whoever looks later")}
          .value=${this.reason}
          @input=${(event: InputEvent) => {
            this.reason = (event.target as HTMLInputElement).value;
          }}
        />
      </label>
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.busy || this.moved.size === 0}>
          ${this.busy ? msg("Applying…") : this.moved.size < 2 ? msg("Apply") : msg(str`Apply ${this.moved.size} changes`)}
        </button>
        <button
          type="button"
          class="button"
          ?disabled=${this.busy || this.moved.size === 0}
          @click=${() => {
            this.moved = new Map();
          }}
        >
          ${msg("Discard")}
        </button>
      </div>
    </form>`;
  }

  #group(group: Parameter["group"], title: string): TemplateResult {
    return html`<fieldset class="adjust__group">
      <legend class="field__label">${title}</legend>
      <div class="adjust__sliders">
        ${this.parameters.filter((one) => one.group === group).map((one) => this.#slider(one))}
      </div>
    </fieldset>`;
  }

  #slider(parameter: Parameter): TemplateResult {
    const { name, value, low, high } = parameter;
    const { name: title, effect } = meaningOf(name);
    const moved = this.moved.get(name);
    const id = `adjust-${name}`;
    return html`<div class="slider" ?data-moved=${moved !== undefined}>
      <label class="slider__name" for=${id}>${title}</label>
      <output class="slider__value" for=${id}
        >${moved === undefined
          ? shownValue(value, parameter)
          : msg(str`${shownValue(value, parameter)} → ${shownValue(moved, parameter)}`)}</output
      >
      <input
        id=${id}
        class="slider__track"
        type="range"
        min=${low}
        max=${high}
        step="any"
        aria-describedby="${id}-effect"
        aria-valuetext=${shownValue(moved ?? value, parameter)}
        .value=${String(moved ?? value)}
        @input=${(event: InputEvent) => {
          this.#move(parameter, Number((event.target as HTMLInputElement).value));
        }}
      />
      <span class="muted slider__effect" id="${id}-effect"
        >${effect} ${msg(str`${low} to ${high}.`)}</span
      >
    </div>`;
  }

  #move(parameter: Parameter, slid: number): void {
    const value = Number(slid.toFixed(DIGITS));
    const moved = new Map(this.moved);
    if (Math.abs(value - parameter.value) < CLOSE) moved.delete(parameter.name);
    else moved.set(parameter.name, value);
    this.moved = moved;
  }

  readonly #apply = (event: Event): void => {
    event.preventDefault();
    if (this.busy || this.moved.size === 0) return;
    const change: Change = { levels: {}, weights: {}, reason: this.reason.trim() };
    for (const { name, group } of this.parameters) {
      const value = this.moved.get(name);
      if (value !== undefined) change[group][name] = value;
    }
    this.dispatchEvent(new CustomEvent<Change>("apply-change", { detail: change }));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-cognitive-adjust": CognitiveAdjust;
  }
}
