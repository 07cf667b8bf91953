/** The form of one provider: kind, name, address, key, and its models. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { ModelDraft, Problem, Provider, ProviderDraft, ProviderKind } from "../api/types";
import { showProblem } from "../ui/busy";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

interface ModelRow {
  name: string;
  displayName: string;
  window: string;
  outputLimit: string;
}

const BLANK_ROW: ModelRow = { name: "", displayName: "", window: "", outputLimit: "" };

function tokens(text: string): number | undefined {
  const count = Number.parseInt(text.replaceAll(/[\s,._]/g, ""), 10);
  return Number.isNaN(count) || count <= 0 ? undefined : count;
}

function draftOf(row: ModelRow): ModelDraft {
  const window = tokens(row.window);
  const outputLimit = tokens(row.outputLimit);
  return {
    name: row.name.trim(),
    ...(row.displayName.trim() === "" ? {} : { display_name: row.displayName.trim() }),
    ...(window === undefined ? {} : { window }),
    ...(outputLimit === undefined ? {} : { output_limit: outputLimit }),
  };
}

@customElement("soma-provider-form")
export class ProviderForm extends LightElement {
  @property({ attribute: false }) provider: Provider | null = null;
  @property({ attribute: false }) kinds: readonly ProviderKind[] = [];
  @state() private kind = "";
  @state() private name = "";
  @state() private baseUrl = "";
  @state() private key = "";
  /** Null: as the kind usually does. */
  @state() private selfHosted: boolean | null = null;
  @state() private rows: readonly ModelRow[] = [BLANK_ROW];
  @state() private busy = false;
  @state() private problem: Problem | null = null;

  focusFirst(): void {
    this.querySelector<HTMLElement>("select:enabled, input:enabled")?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("provider") && this.provider !== null) this.#adopt(this.provider);
    if (this.kind === "" && this.kinds[0] !== undefined) this.#choose(this.kinds[0]);
  }

  #adopt(provider: Provider): void {
    this.kind = provider.kind;
    this.selfHosted = provider.self_hosted;
    this.name = provider.name;
    this.baseUrl = provider.base_url ?? "";
    this.key = "";
    this.rows = provider.models.map((model) => ({
      name: model.name,
      displayName: model.display_name === model.name ? "" : model.display_name,
      window: model.window === 0 ? "" : String(model.window),
      outputLimit:
        model.output_limit === 0 ? "" : String(model.output_limit),
    }));
  }

  /** Fills in what the preset knows, without overwriting what was typed. */
  #choose(preset: ProviderKind): void {
    const before = this.kinds.find(({ kind }) => kind === this.kind);
    if (this.name === "" || this.name === before?.title) this.name = preset.title;
    if (this.baseUrl === "" || this.baseUrl === (before?.default_base_url ?? "")) {
      this.baseUrl = preset.default_base_url ?? "";
    }
    this.kind = preset.kind;
  }

  protected override render(): TemplateResult {
    const preset = this.kinds.find(({ kind }) => kind === this.kind);
    const isNew = this.provider === null;
    return html`<form class="card form" @submit=${this.#save}>
      <h2 class="card__title">
        ${isNew ? msg("Add a provider") : msg(str`Edit ${this.provider?.name ?? ""}`)}
      </h2>
      ${this.problem === null ? nothing : problemView(this.problem)}
      ${this.provider?.source === "environment"
        ? html`<p class="muted">
            ${msg("Name, address and key come from the server’s environment; the models are yours to choose.")}
          </p>`
        : this.#ownFields(preset, isNew)}
      ${this.#hosting(preset)}
      ${this.#models()}
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.busy}>
          ${this.busy ? msg("Saving…") : msg("Save")}
        </button>
        <button type="button" class="button" @click=${this.#close}>${msg("Cancel")}</button>
      </div>
    </form>`;
  }

  #ownFields(preset: ProviderKind | undefined, isNew: boolean): TemplateResult {
    return html`<div class="form__pair">
        <div class="field">
          <label class="field__label" for="provider-kind">${msg("Kind")}</label>
          <select
            id="provider-kind"
            class="input"
            ?disabled=${!isNew}
            @change=${(event: Event) => {
              const { value } = event.target as HTMLSelectElement;
              const chosen = this.kinds.find(({ kind }) => kind === value);
              if (chosen !== undefined) this.#choose(chosen);
            }}
          >
            ${this.kinds.map(
              ({ kind, title }) =>
                html`<option value=${kind} ?selected=${kind === this.kind}>${title}</option>`,
            )}
          </select>
        </div>
        ${this.#text("provider-name", msg("Name"), this.name, true, (value) => {
          this.name = value;
        })}
      </div>
      ${this.#text(
        "provider-url",
        msg("Address"),
        this.baseUrl,
        preset?.default_base_url == null,
        (value) => {
          this.baseUrl = value;
        },
        msg("Where the provider’s API answers, for example https://host/v1"),
      )}
      ${this.#keyField(preset)}`;
  }

  #text(
    id: string,
    label: string,
    value: string,
    required: boolean,
    onInput: (value: string) => void,
    hint = "",
  ): TemplateResult {
    return html`<div class="field">
      <label class="field__label" for=${id}>${label}</label>
      <input
        id=${id}
        class="input"
        autocomplete="off"
        spellcheck="false"
        ?required=${required}
        aria-describedby=${hint === "" ? nothing : `${id}-hint`}
        .value=${value}
        @input=${(event: InputEvent) => {
          onInput((event.target as HTMLInputElement).value);
        }}
      />
      ${hint === "" ? nothing : html`<span class="field__hint" id=${`${id}-hint`}>${hint}</span>`}
    </div>`;
  }

  #keyField(preset: ProviderKind | undefined): TemplateResult {
    const stored = this.provider?.has_key === true;
    const isNeeded = preset?.needs_key === true && !stored;
    return html`<div class="field">
      <label class="field__label" for="provider-key">
        ${isNeeded ? msg("API key") : msg("API key (optional)")}
      </label>
      <input
        id="provider-key"
        type="password"
        class="input"
        autocomplete="off"
        aria-describedby="provider-key-hint"
        ?required=${isNeeded}
        .value=${this.key}
        @input=${(event: InputEvent) => {
          this.key = (event.target as HTMLInputElement).value;
        }}
      />
      <span class="field__hint" id="provider-key-hint">
        ${stored
          ? msg("A key is stored. Leave this empty to keep it.")
          : msg("Stored encrypted; it is never shown again.")}
      </span>
    </div>`;
  }

  #hosting(preset: ProviderKind | undefined): TemplateResult {
    return html`<div class="field">
      <label class="models__model">
        <input
          type="checkbox"
          aria-describedby="provider-hosting-hint"
          .checked=${this.selfHosted ?? preset?.self_hosted ?? false}
          @change=${(event: Event) => {
            this.selfHosted = (event.target as HTMLInputElement).checked;
          }}
        />
        <span>${msg("Runs on machines of one’s own")}</span>
      </label>
      <span class="field__hint" id="provider-hosting-hint">
        ${msg("Such models are sent personal data as it is, and are the only ones in enterprise mode. A server that passes everything on to others does not count.")}
      </span>
    </div>`;
  }

  #models(): TemplateResult {
    return html`<fieldset class="model-rows">
      <legend class="field__label">${msg("Models")}</legend>
      ${this.rows.map((row, index) => this.#modelRow(row, index))}
      <button type="button" class="button button--small" @click=${this.#addRow}>
        ${ICONS.add}<span>${msg("Add a model")}</span>
      </button>
    </fieldset>`;
  }

  #modelRow(row: ModelRow, index: number): TemplateResult {
    const number = index + 1;
    const cell = (
      field: keyof ModelRow,
      label: string,
      isNumber: boolean,
      isRequired = false,
    ): TemplateResult => html`<label class="field">
      <span class="field__label field__label--small">${label}</span>
      <input
        class="input"
        autocomplete="off"
        spellcheck="false"
        inputmode=${isNumber ? "numeric" : "text"}
        ?required=${isRequired}
        .value=${row[field]}
        @input=${(event: InputEvent) => {
          const { value } = event.target as HTMLInputElement;
          this.rows = this.rows.map((old, at) => (at === index ? { ...old, [field]: value } : old));
        }}
      />
    </label>`;
    return html`<div class="model-rows__row" role="group" aria-label=${msg(str`Model ${number}`)}>
      ${cell("name", msg("Model name"), false, true)}
      ${cell("displayName", msg("Shown as (optional)"), false)}
      ${cell("window", msg("Window (tokens)"), true)}
      ${cell("outputLimit", msg("Answer limit (tokens)"), true)}
      <button
        type="button"
        class="button button--icon"
        aria-label=${msg(str`Remove model ${number}`)}
        @click=${() => {
          this.rows = this.rows.filter((_, at) => at !== index);
        }}
      >
        ${ICONS.trash}
      </button>
    </div>`;
  }

  readonly #addRow = async (): Promise<void> => {
    this.rows = [...this.rows, BLANK_ROW];
    await this.updateComplete;
    const rows = this.querySelectorAll<HTMLElement>(".model-rows__row");
    rows[rows.length - 1]?.querySelector("input")?.focus();
  };

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent("form-closed"));
  };

  readonly #save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    const { api } = this.services;
    const key = this.key.trim();
    const draft: ProviderDraft = {
      name: this.name.trim(),
      kind: this.kind,
      base_url: this.baseUrl.trim() === "" ? null : this.baseUrl.trim(),
      ...(key === "" ? {} : { api_key: key }),
      models: this.rows.filter((row) => row.name.trim() !== "").map(draftOf),
    };
    const hosting = this.selfHosted === null ? {} : { self_hosted: this.selfHosted };
    this.busy = true;
    this.problem = null;
    try {
      const { kind, models, ...own } = draft;
      const saved =
        this.provider === null
          ? await api.createProvider({ kind, models, ...own, ...hosting })
          : await api.updateProvider(this.provider.id, {
              models,
              ...hosting,
              ...(this.provider.source === "row" ? own : {}),
            });
      this.dispatchEvent(new CustomEvent("form-saved", { detail: saved }));
    } catch (failure) {
      this.problem = problemOf(failure);
      await showProblem(this);
    } finally {
      this.busy = false;
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-provider-form": ProviderForm;
  }
}
