/** One provider: its models, the default among them, a test, and its removal. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Model, Problem, Provider, ProviderTest } from "../api/types";
import { LightElement } from "../ui/light-element";
import { nextStep, referenceLine } from "../ui/states";

@customElement("soma-provider-card")
export class ProviderCard extends LightElement {
  @property({ attribute: false }) provider!: Provider;
  @property({ attribute: false }) kindTitle = "";
  @state() private testing = false;
  @state() private result: ProviderTest | null = null;
  @state() private typedName = "";
  @query("dialog") private readonly dialog!: HTMLDialogElement;

  protected override render(): TemplateResult {
    const { provider } = this;
    const isRow = provider.source === "row";
    return html`<section
      class="card"
      data-provider=${provider.id}
      aria-label=${provider.name}
    >
      <div class="card__head">
        <h2 class="card__title">${provider.name}</h2>
        <span class="tag">${this.kindTitle}</span>
        ${isRow ? nothing : html`<span class="tag">${msg("from the environment")}</span>`}
        ${provider.enabled ? nothing : html`<span class="tag">${msg("off")}</span>`}
      </div>
      <dl class="facts">
        ${provider.base_url === null
          ? nothing
          : html`<div><dt>${msg("Address")}</dt><dd><code>${provider.base_url}</code></dd></div>`}
        <div><dt>${msg("Key")}</dt><dd>${this.#key()}</dd></div>
      </dl>
      ${provider.models.length === 0
        ? html`<p class="muted">${msg("No models yet. Edit the provider to add one.")}</p>`
        : html`<fieldset class="models">
            <legend class="models__legend">${msg("Models; the marked one is the default")}</legend>
            ${provider.models.map((model) => this.#model(model))}
          </fieldset>`}
      ${this.#testResult()}
      <div class="row">
        <button
          type="button"
          class="button test-button"
          ?disabled=${this.testing}
          @click=${this.#test}
        >
          ${this.testing ? msg("Testing…") : msg("Test")}
        </button>
        <button type="button" class="button" @click=${this.#edit}>
          ${isRow ? msg("Edit") : msg("Edit models")}
        </button>
        <button type="button" class="button" @click=${this.#toggle}>
          ${provider.enabled ? msg("Turn off") : msg("Turn on")}
        </button>
        ${isRow
          ? html`<button type="button" class="button button--danger" @click=${this.#askRemoval}>
              ${msg("Remove")}
            </button>`
          : nothing}
      </div>
      ${this.#removal()}
    </section>`;
  }

  #key(): string {
    const { has_key: hasKey, key_hint: hint } = this.provider;
    if (!hasKey) return msg("none");
    return hint === null || hint === "" ? msg("stored, encrypted") : msg(str`stored, ${hint}`);
  }

  #model(model: Model): TemplateResult {
    const limits = [
      model.window === 0
        ? null
        : msg(str`window of ${model.window.toLocaleString()} tokens`),
      model.output_limit === 0
        ? null
        : msg(str`at most ${model.output_limit.toLocaleString()} tokens an answer`),
    ].filter((part) => part !== null);
    return html`<label class="models__model">
      <input
        type="radio"
        name="default-model"
        .checked=${model.is_default}
        @change=${() => {
          this.dispatchEvent(new CustomEvent("choose-default", { detail: model }));
        }}
      />
      <span>
        <span class="models__name">${model.display_name || model.name}</span>
        ${model.is_default ? html`<span class="tag tag--accent">${msg("default")}</span>` : nothing}
        <span class="muted models__limits">${limits.join(", ")}</span>
      </span>
    </label>`;
  }

  #testResult(): TemplateResult {
    const { result } = this;
    return html`<div role="status" class="test-result">
      ${result === null
        ? nothing
        : result.ok
          ? html`<p class="good">${this.#latency(result)}</p>`
          : this.#failure(result.problem)}
    </div>`;
  }

  #latency(result: ProviderTest): string {
    const total = result.latency_ms;
    const first = result.first_token_ms;
    if (first !== null && total !== null) {
      return msg(str`It works: first token after ${Math.round(first)} ms, done after ${Math.round(total)} ms.`);
    }
    return total === null ? msg("It works.") : msg(str`It works: answered in ${Math.round(total)} ms.`);
  }

  #failure(problem: Problem | null): TemplateResult {
    if (problem === null) return html`<p>${msg("The test failed, without a reason given.")}</p>`;
    return html`<div class="problem">
      <p class="problem__title">${problem.title}</p>
      ${problem.detail === "" ? nothing : html`<p>${problem.detail}</p>`}
      <p class="problem__next">${nextStep(problem)}</p>
      ${referenceLine(problem)}
    </div>`;
  }

  #removal(): TemplateResult {
    const { name } = this.provider;
    return html`<dialog class="dialog" aria-label=${msg(str`Remove ${name}`)}>
      <form method="dialog" @submit=${this.#remove}>
        <h3 class="card__title">${msg(str`Remove ${name}?`)}</h3>
        <p>
          ${msg("Its key and models are removed. Agents that use them fall back to the default model. This cannot be undone.")}
        </p>
        <label class="field">
          <span class="field__label">${msg(str`Type “${name}” to confirm`)}</span>
          <input
            class="input"
            autocomplete="off"
            .value=${this.typedName}
            @input=${(event: InputEvent) => {
              this.typedName = (event.target as HTMLInputElement).value;
            }}
          />
        </label>
        <div class="row">
          <button
            type="submit"
            class="button button--danger"
            ?disabled=${this.typedName.trim() !== name}
          >
            ${msg("Remove")}
          </button>
          <button type="button" class="button" @click=${this.#closeDialog}>${msg("Keep it")}</button>
        </div>
      </form>
    </dialog>`;
  }

  readonly #test = async (): Promise<void> => {
    this.testing = true;
    this.result = null;
    try {
      this.result = await this.services.api.testProvider(this.provider.id);
    } catch (failure) {
      this.result = {
        ok: false,
        latency_ms: null,
        first_token_ms: null,
        problem: problemOf(failure),
      };
    } finally {
      this.testing = false;
    }
  };

  readonly #edit = (): void => {
    this.dispatchEvent(new CustomEvent("edit-provider"));
  };

  readonly #toggle = (): void => {
    this.dispatchEvent(new CustomEvent("toggle-provider"));
  };

  readonly #askRemoval = (): void => {
    this.typedName = "";
    this.dialog.showModal();
  };

  readonly #closeDialog = (): void => {
    this.dialog.close();
  };

  readonly #remove = (): void => {
    this.dispatchEvent(new CustomEvent("remove-provider"));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-provider-card": ProviderCard;
  }
}
