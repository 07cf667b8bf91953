/** Setting up a new organisation: one step after the other, each done or left out, and resumed. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { IdentityApi } from "../identity/identity-api";
import { HOME } from "../router/routes";
import { SetupApi } from "../settings/setup-api";
import type { Setup, SetupStep, StepName, StepState } from "../settings/setup-api";
import { StoreController } from "../store";
import "../settings/soma-brand-field";
import "../styles/settings.css";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { problemView, reservedView, skeleton } from "../ui/states";

@customElement("soma-setup-page")
export class SetupPage extends LightElement {
  @state() private setup: Setup | null = null;
  @state() private models: number | null = null;
  @state() private problem: Problem | null = null;
  @state() private refused: readonly string[] = [];
  readonly #session = new StoreController(this);
  #api!: SetupApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new SetupApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Set up the organisation")} · SomaAgent`;
    if (this.#may) void this.#load();
  }

  get #may(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Set up the organisation")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="setup-page">
        ${this.#may
          ? this.#body()
          : reservedView(
              msg("This page is for administrators"),
              msg("They name the organisation, its agents and its people here."),
            )}
      </main>`;
  }

  #body(): TemplateResult {
    const { setup } = this;
    if (setup === null) {
      return this.problem === null
        ? skeleton(4, msg("Loading the steps…"))
        : problemView(this.problem, () => void this.#load());
    }
    const done = setup.steps.filter(({ state: at }) => at !== "open").length;
    return html`<p class="hint" role="status">
        ${setup.is_finished
          ? msg("Everything was dealt with.")
          : msg(str`${done} of ${setup.steps.length} steps were dealt with. You may go on later.`)}
        <a href=${HOME}>${msg("Go to chat")}</a>
      </p>
      ${this.problem === null ? nothing : problemView(this.problem)}
      ${setup.steps.map((step) => this.#step(step))}`;
  }

  #step(step: SetupStep): TemplateResult {
    const id = `setup-${step.name}`;
    return html`<section class="card form" aria-labelledby=${id} data-step=${step.name}>
      <h2 class="card__title" id=${id}>${titleOf(step.name)} (${stateName(step.state)})</h2>
      ${step.state === "open"
        ? this.#form(step.name)
        : html`<p class="row">
            <button
              type="button"
              class="button"
              aria-describedby=${id}
              @click=${() => void this.#mark(step.name, "open")}
            >
              ${msg("Open again")}
            </button>
          </p>`}
    </section>`;
  }

  #form(step: StepName): TemplateResult {
    switch (step) {
      case "organisation":
        return this.#asked(
          step,
          html`<label class="field">
              <span class="field__label">${msg("Name")}</span>
              <input class="input" name="name" required maxlength="200" .value=${this.setup?.name ?? ""} />
            </label>
            ${this.#address(this.setup?.address ?? "")}
            <soma-brand-field .colour=${this.setup?.brand_colour ?? ""}></soma-brand-field>`,
          async (fields) => {
            const address = textOf(fields, "address");
            if (address !== "" && address !== this.setup?.address) {
              await this.#api.changeAddress(address);
            }
            await this.#api.changeOrganisation(textOf(fields, "name"), textOf(fields, "brand_colour"));
            await this.services.session.refresh();
          },
        );
      case "model":
        return this.#asked(
          step,
          html`<p>
            ${this.models === null
              ? nothing
              : msg(str`Models that agents can use: ${this.models}.`)}
            ${this.services.session.isPlatformAdmin
              ? html`<a href="/platform/providers">${msg("Add and test a provider")}</a>`
              : msg("Providers are added and tested by the administrators of the platform.")}
          </p>`,
          () => Promise.resolve(),
        );
      case "agent":
        return this.#asked(
          step,
          html`<label class="field">
              <span class="field__label">${msg("Name of the agent")}</span>
              <input class="input" name="name" required maxlength="100" />
            </label>
            <label class="field">
              <span class="field__label">${msg("What it is to do")}</span>
              <textarea class="input" name="instructions" rows="3"></textarea>
            </label>`,
          async (fields) => {
            await this.#api.createAgent(textOf(fields, "name"), textOf(fields, "instructions"));
          },
        );
      case "people":
        return this.#asked(
          step,
          html`<label class="field">
              <span class="field__label">${msg("E-mail addresses, one a line")}</span>
              <textarea class="input" name="emails" rows="3" required></textarea>
            </label>
            ${this.refused.length === 0
              ? nothing
              : html`<p role="alert">
                  ${msg(str`Not invited: ${this.refused.join(", ")}`)}
                </p>`}`,
          (fields) => this.#invite(textOf(fields, "emails")),
        );
    }
  }

  /** By which the organisation is known; for its sysadmins to change. */
  #address(address: string): TemplateResult {
    const isFixed = this.setup?.is_address_fixed ?? true;
    if (isFixed || !this.services.session.may("tenant.manage")) {
      return html`<p class="hint">${msg(str`Address: ${address}`)}</p>`;
    }
    return html`<label class="field">
      <span class="field__label">${msg("Address")}</span>
      <input
        class="input"
        name="address"
        title=${msg("Small letters, digits and single hyphens")}
        required
        minlength="2"
        maxlength="60"
        pattern="[a-z0-9]+(-[a-z0-9]+)*"
        autocapitalize="none"
        spellcheck="false"
        aria-describedby="address-hint"
        .value=${address}
      />
      <span class="field__hint" id="address-hint">
        ${msg("Small letters, digits and single hyphens. The present one is free for others once it is changed.")}
      </span>
    </label>`;
  }

  #asked(
    step: StepName,
    fields: TemplateResult,
    act: (fields: FormData) => Promise<void>,
  ): TemplateResult {
    return html`<form
      class="form"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#finish(step, act, new FormData(event.target as HTMLFormElement));
      }}
    >
      ${fields}
      <p class="row">
        <button type="submit" class="button button--primary" aria-describedby="setup-${step}">
          ${step === "model" ? msg("Done") : msg("Save and go on")}
        </button>
        <button
          type="button"
          class="button"
          aria-describedby="setup-${step}"
          @click=${() => void this.#mark(step, "skipped")}
        >
          ${msg("Skip")}
        </button>
      </p>
    </form>`;
  }

  async #finish(
    step: StepName,
    act: (fields: FormData) => Promise<void>,
    fields: FormData,
  ): Promise<void> {
    try {
      await act(fields);
    } catch (failure) {
      this.problem = problemOf(failure);
      return;
    }
    if (step !== "people" || this.refused.length === 0) await this.#mark(step, "done");
  }

  async #invite(text: string): Promise<void> {
    const emails = text.split(/[\s,;]+/).filter((one) => one !== "");
    const { lines } = await new IdentityApi(this.services.http).invite(emails, "member");
    this.refused = lines.filter(({ invitation }) => invitation === null).map(({ email }) => email);
  }

  async #mark(step: StepName, to: StepState): Promise<void> {
    try {
      this.setup = await this.#api.mark(step, to);
      this.problem = null;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
    await this.updateComplete;
    // The button that was pressed is gone: go on where the step stands now.
    this.querySelector<HTMLElement>(`[data-step="${step}"] button`)?.focus();
  }

  async #load(): Promise<void> {
    try {
      [this.setup, this.models] = await Promise.all([this.#api.setup(), this.#api.models()]);
      this.problem = null;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }
}

function titleOf(step: StepName): string {
  switch (step) {
    case "organisation":
      return msg("Name, address and colour");
    case "model":
      return msg("Models");
    case "agent":
      return msg("First agent");
    case "people":
      return msg("Invite people");
  }
}

function stateName(at: StepState): string {
  switch (at) {
    case "open":
      return msg("open");
    case "done":
      return msg("done");
    case "skipped":
      return msg("skipped");
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-setup-page": SetupPage;
  }
}
