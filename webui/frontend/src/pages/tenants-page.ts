/** Organisations on this platform, for its administrators: see, suspend, resume. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { PeopleApi } from "../people/people-api";
import type { PlatformTenant } from "../people/people-api";
import "../people/reason-dialog";
import type { ReasonDialog } from "../people/reason-dialog";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";
import "./waiting-domains";

@customElement("soma-tenants-page")
export class TenantsPage extends LightElement {
  @state() private tenants: readonly PlatformTenant[] | null = null;
  @state() private next: string | null = null;
  @state() private problem: Problem | null = null;
  @state() private busy = false;
  @query("soma-reason-dialog") private readonly reason!: ReasonDialog;
  readonly #session = new StoreController(this);
  #api!: PeopleApi;
  #text = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Organisations")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Organisations")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="tenants-page">
        ${this.services.session.isPlatformAdmin
          ? html`<search class="people__controls">
                <label class="field">
                  <span class="field__label">${msg("Name or address")}</span>
                  <input
                    class="input"
                    type="search"
                    autocomplete="off"
                    @change=${(event: Event) => {
                      this.#text = (event.target as HTMLInputElement).value.trim();
                      void this.#load();
                    }}
                  />
                </label>
              </search>
              ${this.#list()}<soma-waiting-domains></soma-waiting-domains
              ><soma-reason-dialog></soma-reason-dialog>`
          : reservedView(
              msg("This page is for administrators of the platform"),
              msg("They see all organisations and can suspend them."),
            )}
      </main>`;
  }

  #list(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.tenants === null) return skeleton(5, msg("Loading organisations…"));
    if (this.tenants.length === 0) {
      return emptyView(msg("None found"), msg("Look for another name or address."));
    }
    return html`<div
        class="table-scroll"
        tabindex="0"
        role="group"
        aria-label=${msg("Organisations")}
      >
        <table class="table people__table" data-testid="tenants">
          <thead>
            <tr>
              <th scope="col">${msg("Name")}</th>
              <th scope="col">${msg("State")}</th>
              <th scope="col" class="table__number">${msg("People")}</th>
              <th scope="col">${msg("Since")}</th>
              <th scope="col"><span class="visually-hidden">${msg("Actions")}</span></th>
            </tr>
          </thead>
          <tbody>
            ${repeat(this.tenants, ({ id }) => id, (one) => this.#row(one))}
          </tbody>
        </table>
      </div>
      ${this.next === null
        ? nothing
        : html`<button type="button" class="button" @click=${() => void this.#more()}>
            ${msg("Show more")}
          </button>`}`;
  }

  #row(tenant: PlatformTenant): TemplateResult {
    const isOpen = tenant.status === "active";
    return html`<tr data-tenant=${tenant.slug}>
      <th scope="row">${tenant.name}<span class="people__mail">${tenant.slug}</span></th>
      <td title=${tenant.suspended_at === null ? nothing : exactTime(tenant.suspended_at)}>
        ${isOpen
          ? msg("open")
          : html`<span class="tag tag--warn">${msg("suspended")}</span> ${tenant.suspended_why}`}
      </td>
      <td class="table__number">${tenant.people}</td>
      <td title=${exactTime(tenant.created_at)}>${dayOf(tenant.created_at)}</td>
      <td>
        ${isOpen
          ? html`<button
              type="button"
              class="button button--small button--danger"
              aria-label=${msg(str`Suspend ${tenant.name}`)}
              ?disabled=${this.busy}
              @click=${() => {
                this.#ask(tenant);
              }}
            >
              ${msg("Suspend")}
            </button>`
          : html`<button
              type="button"
              class="button button--small"
              aria-label=${msg(str`Resume ${tenant.name}`)}
              ?disabled=${this.busy}
              @click=${() => void this.#act(() => this.#api.resumeTenant(tenant.id))}
            >
              ${msg("Resume")}
            </button>`}
      </td>
    </tr>`;
  }

  #ask(tenant: PlatformTenant): void {
    this.reason.ask({
      title: msg(str`Suspend ${tenant.name}?`),
      text: msg("Its administrators can still read. Everybody else is shut out within seconds, keys and running answers included. Nothing is deleted."),
      submit: msg("Suspend"),
      act: (reason) => this.#act(() => this.#api.suspendTenant(tenant.id, reason)),
    });
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      const page = await this.#api.tenants(this.#text, null);
      this.tenants = page.items;
      this.next = page.next;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #more(): Promise<void> {
    try {
      const page = await this.#api.tenants(this.#text, this.next);
      this.tenants = [...(this.tenants ?? []), ...page.items];
      this.next = page.next;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    }
  }

  async #act(work: () => Promise<PlatformTenant>): Promise<void> {
    this.busy = true;
    try {
      const changed = await work();
      this.tenants = this.tenants?.map((one) => (one.id === changed.id ? changed : one)) ?? null;
    } catch (failure) {
      this.services.toasts.problem(problemOf(failure));
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-tenants-page": TenantsPage;
  }
}
