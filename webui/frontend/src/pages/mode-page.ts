/** The operating mode: of the platform and of every tenant, and what each mode changes. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { MODES, modeName } from "../settings/mode-words";
import { SettingsApi } from "../settings/settings-api";
import type { Mode, Modes, TenantMode } from "../settings/settings-api";
import { StoreController } from "../store";
import "../styles/settings.css";
import { LightElement } from "../ui/light-element";
import { problemView, reservedView, skeleton } from "../ui/states";

@customElement("soma-mode-page")
export class ModePage extends LightElement {
  @state() private modes: Modes | null = null;
  @state() private tenants: readonly TenantMode[] = [];
  @state() private next: string | null = null;
  @state() private problem: Problem | null = null;
  readonly #session = new StoreController(this);
  #api!: SettingsApi;
  #stop: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new SettingsApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Mode")} · SomaAgent`;
    void this.#load();
    // Somebody else may change it: what is pushed is a reason to look again.
    this.#stop = this.services.hub.mode.subscribe(() => void this.#load());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Mode")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="mode-page">${this.#body()}</main>`;
  }

  get #isSysadmin(): boolean {
    return this.services.session.may("tenant.manage");
  }

  #body(): TemplateResult {
    const { session } = this.services;
    if (!session.isPlatformAdmin && !this.#isSysadmin) {
      return reservedView(
        msg("This page is for administrators"),
        msg("A mode other than production is shown beside the name of the product."),
      );
    }
    const { modes } = this;
    if (modes === null) {
      return this.problem === null
        ? skeleton(4, msg("Loading the modes…"))
        : problemView(this.problem, () => void this.#load());
    }
    return html`
      ${this.problem === null ? nothing : problemView(this.problem, () => void this.#load())}
      ${modes.is_enterprise
        ? html`<p class="hint" data-testid="enterprise">
            ${msg("This installation is set to enterprise mode: only models on machines of one’s own are asked, each answer has an entry in the audit log, and answers teach only in training.")}
          </p>`
        : nothing}
      ${session.isPlatformAdmin ? this.#platform(modes) : nothing}
      ${this.#isSysadmin ? this.#own(modes) : nothing}
      ${session.isPlatformAdmin ? this.#others(modes) : nothing}
      ${table(modes)}
    `;
  }

  #platform(modes: Modes): TemplateResult {
    return html`<section class="card form" aria-labelledby="platform-mode-title">
      <h2 class="card__title" id="platform-mode-title">${msg("The platform")}</h2>
      ${this.#choice("platform-mode", msg("Mode of the platform"), modes.platform, null, (mode) =>
        this.#api.setPlatformMode(mode ?? "production"),
      )}
    </section>`;
  }

  #own(modes: Modes): TemplateResult {
    const name = this.services.session.state.me?.tenant?.name ?? "";
    return html`<section class="card form" aria-labelledby="own-mode-title">
      <h2 class="card__title" id="own-mode-title">${name}</h2>
      ${this.#choice("own-mode", msg(str`Mode of ${name}`), modes.own, modes.platform, (mode) =>
        this.#api.setTenantMode(mode),
      )}
    </section>`;
  }

  #others(modes: Modes): TemplateResult {
    return html`<section class="card form" aria-labelledby="tenant-modes-title">
      <h2 class="card__title" id="tenant-modes-title">${msg("Organisations")}</h2>
      <ul class="mode-rows" data-testid="tenant-modes">
        ${repeat(
          this.tenants,
          ({ tenant_id: id }) => id,
          (one) => html`<li>
            ${this.#choice(`mode-${one.tenant_id}`, one.name, one.own, modes.platform, (mode) =>
              this.#api.setTenantMode(mode, one.tenant_id),
            )}
          </li>`,
        )}
      </ul>
      ${this.next === null
        ? nothing
        : html`<button type="button" class="button" @click=${() => void this.#more()}>
            ${msg("Show more")}
          </button>`}
    </section>`;
  }

  /** `inherited`: the mode that holds without one of its own; null: there is always one. */
  #choice(
    id: string,
    label: string,
    chosen: Mode | null,
    inherited: Mode | null,
    set: (mode: Mode | null) => Promise<Modes>,
  ): TemplateResult {
    return html`<div class="field">
      <label class="field__label" for=${id}>${label}</label>
      <select
        id=${id}
        class="input"
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          void this.#set(label, value === "" ? null : (value as Mode), set);
        }}
      >
        ${inherited === null
          ? nothing
          : html`<option value="" ?selected=${chosen === null}>
              ${msg(str`As the platform (${modeName(inherited)})`)}
            </option>`}
        ${MODES.map(
          (mode) => html`<option value=${mode} ?selected=${mode === chosen}>
            ${modeName(mode)}
          </option>`,
        )}
      </select>
    </div>`;
  }

  async #load(): Promise<void> {
    try {
      this.modes = await this.#api.modes();
      this.problem = null;
      if (this.services.session.isPlatformAdmin) {
        const page = await this.#api.tenantModes(null);
        this.tenants = page.items;
        this.next = page.next;
      }
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #more(): Promise<void> {
    try {
      const page = await this.#api.tenantModes(this.next);
      this.tenants = [...this.tenants, ...page.items];
      this.next = page.next;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }

  async #set(
    label: string,
    mode: Mode | null,
    set: (mode: Mode | null) => Promise<Modes>,
  ): Promise<void> {
    try {
      this.modes = await set(mode);
      this.services.toasts.say(
        mode === null
          ? msg(str`${label}: as the platform.`)
          : msg(str`${label}: ${modeName(mode)}.`),
      );
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
    await this.#load();
  }
}

function table(modes: Modes): TemplateResult {
  const yes = msg("yes");
  const no = msg("no");
  return html`<section>
    <h2 id="mode-table-title" class="settings__title">${msg("What each mode changes")}</h2>
    <div class="settings__scroll" tabindex="0" role="region" aria-labelledby="mode-table-title">
      <table class="settings__table">
        <thead>
          <tr>
            <th scope="col">${msg("Mode")}</th>
            <th scope="col">${msg("Logs of the platform")}</th>
            <th scope="col">${msg("Judged answers teach")}</th>
            <th scope="col">${msg("Answers in the audit log")}</th>
            <th scope="col">${msg("Models")}</th>
          </tr>
        </thead>
        <tbody>
          ${modes.table.map(
            (row) => html`<tr data-mode=${row.mode}>
              <th scope="row">${modeName(row.mode)}</th>
              <td>${row.logs ?? msg("as configured")}</td>
              <td>${row.learns ? yes : no}</td>
              <td>${row.audits_turns ? yes : no}</td>
              <td>${row.own_providers ? msg("of one’s own") : msg("all")}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-mode-page": ModePage;
  }
}
