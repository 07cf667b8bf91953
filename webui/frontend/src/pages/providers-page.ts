/**
 * Models and providers of the platform: add one from a preset, test it, choose the default.
 *
 * The first page after the first sign-in of a fresh platform. Keys go to the server and never
 * come back: only a hint of the stored one is shown.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Model, Problem, Provider, ProviderKind } from "../api/types";
import { HOME } from "../router/routes";
import { StoreController } from "../store";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";
import "./provider-card";
import "./provider-form";
import type { ProviderForm } from "./provider-form";

@customElement("soma-providers-page")
export class ProvidersPage extends LightElement {
  @state() private providers: readonly Provider[] | null = null;
  @state() private kinds: readonly ProviderKind[] | null = null;
  @state() private problem: Problem | null = null;
  @state() private kindsProblem: Problem | null = null;
  /** The provider in the form: a row, `new`, or none. */
  @state() private edited: Provider | "new" | null = null;
  @query("soma-provider-form") private readonly form!: ProviderForm | null;
  readonly #session = new StoreController(this);

  override connectedCallback(): void {
    super.connectedCallback();
    this.#session.follow(this.services.session);
    document.title = `${msg("Models and providers")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Models and providers")}</h1>
        ${this.services.session.isPlatformAdmin && this.edited === null
          ? html`<button
              type="button"
              class="button button--primary page__act"
              ?disabled=${this.kinds === null}
              @click=${() => void this.#open("new")}
            >
              ${ICONS.add}<span>${msg("Add a provider")}</span>
            </button>`
          : nothing}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="providers-page">
        ${this.#body()}
      </main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.isPlatformAdmin) {
      return reservedView(
        msg("This page is for administrators of the platform"),
        msg("They decide which models everyone can use."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.providers === null) return skeleton(4, msg("Loading providers…"));
    return html`
      ${this.#firstRun()}
      ${this.kindsProblem === null
        ? nothing
        : problemView(this.kindsProblem, () => void this.#loadKinds())}
      ${this.edited === null
        ? nothing
        : html`<soma-provider-form
            .provider=${this.edited === "new" ? null : this.edited}
            .kinds=${this.kinds ?? []}
            @form-saved=${this.#onSaved}
            @form-closed=${this.#onClosed}
          ></soma-provider-form>`}
      ${this.providers.length === 0 && this.edited === null
        ? emptyView(
            msg("No provider yet"),
            msg("Until there is one, agents answer from memory alone and say so."),
          )
        : html`<ul class="cards">
            ${repeat(
              this.providers,
              (provider) => provider.id,
              (provider) => html`<li>
                <soma-provider-card
                  .provider=${provider}
                  .kindTitle=${this.kinds?.find(({ kind }) => kind === provider.kind)?.title ??
                  provider.kind}
                  @edit-provider=${() => void this.#open(provider)}
                  @toggle-provider=${() => void this.#toggle(provider)}
                  @remove-provider=${() => void this.#remove(provider)}
                  @choose-default=${(event: CustomEvent<Model>) => void this.#choose(event.detail)}
                ></soma-provider-card>
              </li>`,
            )}
          </ul>`}
    `;
  }

  #firstRun(): TemplateResult | typeof nothing {
    if (!this.services.router.state.query.has("first")) return nothing;
    const hasModel = this.providers?.some(({ models }) => models.length > 0) === true;
    return html`<div class="notice">
      <p>
        ${hasModel
          ? msg("Your agents have a language model now. You can add more, or start chatting.")
          : msg("Welcome. Give your agents a language model: choose a provider, enter its key, test it. You can also do this later.")}
      </p>
      <a class="button ${hasModel ? "button--primary" : ""}" href=${HOME}>
        ${hasModel ? msg("Start chatting") : msg("Skip for now")}
      </a>
    </div>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.providers = (await this.services.api.providers()).items;
    } catch (failure) {
      this.problem = problemOf(failure);
      return;
    }
    await this.#loadKinds();
    if (this.providers.length === 0 && this.kinds !== null) void this.#open("new");
  }

  async #loadKinds(): Promise<void> {
    this.kindsProblem = null;
    try {
      this.kinds = await this.services.api.kinds();
    } catch (failure) {
      this.kindsProblem = problemOf(failure);
    }
  }

  async #open(provider: Provider | "new"): Promise<void> {
    this.edited = provider;
    await this.updateComplete;
    await this.form?.updateComplete;
    this.form?.focusFirst();
  }

  readonly #onClosed = async (): Promise<void> => {
    this.edited = null;
    await this.updateComplete;
    this.querySelector<HTMLElement>(".page__act")?.focus();
  };

  readonly #onSaved = async (event: CustomEvent<Provider>): Promise<void> => {
    const saved = event.detail;
    this.edited = null;
    const known = this.providers ?? [];
    const isNew = !known.some(({ id }) => id === saved.id);
    this.providers = isNew ? [...known, saved] : known.map((old) => (old.id === saved.id ? saved : old));
    this.services.toasts.say(msg(str`${saved.name} was saved.`));
    await this.updateComplete;
    this.querySelector<HTMLElement>(`[data-provider="${CSS.escape(saved.id)}"] .test-button`)?.focus();
    await this.#reload();
  };

  async #choose(model: Model): Promise<void> {
    const { api, toasts } = this.services;
    try {
      await api.setDefaultModel(model.id);
      toasts.say(msg(str`${model.display_name} is the default model now.`));
    } catch (failure) {
      toasts.problem(problemOf(failure));
    }
    await this.#reload();
  }

  async #toggle(provider: Provider): Promise<void> {
    const { api, toasts } = this.services;
    try {
      const { enabled, name } = await api.updateProvider(provider.id, {
        enabled: !provider.enabled,
      });
      toasts.say(enabled ? msg(str`${name} is on.`) : msg(str`${name} is off.`));
    } catch (failure) {
      toasts.problem(problemOf(failure));
    }
    await this.#reload();
  }

  async #remove(provider: Provider): Promise<void> {
    const { api, toasts } = this.services;
    try {
      await api.deleteProvider(provider.id);
      toasts.say(msg(str`${provider.name} was removed.`));
    } catch (failure) {
      toasts.problem(problemOf(failure));
    }
    await this.#reload();
    this.querySelector<HTMLElement>(".page__act")?.focus();
  }

  /** Reads the list again without taking away what is shown. */
  async #reload(): Promise<void> {
    try {
      this.providers = (await this.services.api.providers()).items;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-providers-page": ProvidersPage;
  }
}
