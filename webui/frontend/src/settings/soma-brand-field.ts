/** Choosing a brand colour. The page wears what is chosen, and takes it off when it is not kept. */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";

/** A field `brand_colour` of the form around it: `#rrggbb`, or empty for the default. */
@customElement("soma-brand-field")
export class BrandField extends LightElement {
  /** What is stored. */
  @property() colour = "";
  @state() private chosen = "";
  readonly #theme = new StoreController(this);

  override connectedCallback(): void {
    super.connectedCallback();
    this.#theme.follow(this.services.theme);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.services.theme.wear(this.services.session.brandColour);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("colour")) this.chosen = this.colour;
  }

  protected override render(): TemplateResult {
    return html`<div class="field">
      <label class="field__label" for="brand-colour">${msg("Brand colour")}</label>
      <div class="row">
        <input
          type="color"
          id="brand-colour"
          class="input input--colour"
          .value=${this.chosen === "" ? this.services.theme.accent : this.chosen}
          aria-describedby="brand-hint"
          @input=${(event: Event) => {
            this.#choose((event.target as HTMLInputElement).value);
          }}
        />
        <input type="hidden" name="brand_colour" .value=${this.chosen} />
        <button
          type="button"
          class="button"
          aria-pressed=${String(this.chosen === "")}
          @click=${() => {
            this.#choose("");
          }}
        >
          ${msg("Default")}
        </button>
        ${this.chosen === ""
          ? nothing
          : html`<span class="tag tag--accent">${this.chosen}</span>`}
      </div>
      <p class="hint" id="brand-hint">
        ${msg("The page shows it at once, darker or lighter where it could not be read.")}
        ${msg("The high contrast theme keeps its own colours.")}
      </p>
    </div>`;
  }

  #choose(colour: string): void {
    this.chosen = colour;
    this.services.theme.wear(colour);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-brand-field": BrandField;
  }
}
