/** Organisations on this platform, for its administrators: see, suspend, resume. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { PeopleApi } from "../people/people-api";
import type { PlatformTenant } from "../people/people-api";
import "../people/reason-dialog";
import type { ReasonDialog } from "../people/reason-dialog";
import { actingPath } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { PagedList } from "../ui/paged-list";
import { searchField } from "../ui/search-field";
import { emptyView, reservedView } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";
import "./waiting-domains";

@customElement("soma-tenants-page")
export class TenantsPage extends LightElement {
  @query("soma-reason-dialog") private readonly reason!: ReasonDialog;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  readonly #tenants = new PagedList<PlatformTenant>(
    this,
    () => this.services.toasts,
    (cursor) => this.#api.tenants(this.#text, cursor),
  );
  #api!: PeopleApi;
  #text = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Organisations")} · SomaAgent`;
    if (this.services.session.isPlatformAdmin) void this.#tenants.load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Organisations")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="tenants-page">
        ${this.services.session.isPlatformAdmin
          ? html`${searchField(msg("Name or address"), (words) => {
                this.#text = words;
                void this.#tenants.load();
              })}
              ${this.#list()}<soma-waiting-domains></soma-waiting-domains
              ><soma-reason-dialog></soma-reason-dialog>`
          : reservedView(
              msg("This page is for administrators of the platform"),
              msg("They see all organisations and can suspend them."),
            )}
      </main>`;
  }

  #list(): TemplateResult {
    return this.#tenants.view({
      loading: msg("Loading organisations…"),
      empty: emptyView(msg("None found"), msg("Look for another name or address.")),
      full: (tenants) => this.#table(tenants),
    });
  }

  #table(tenants: readonly PlatformTenant[]): TemplateResult {
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
            ${repeat(tenants, ({ id }) => id, (one) => this.#row(one))}
          </tbody>
        </table>
      </div>`;
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
        <a
          class="button button--small"
          href=${actingPath(tenant.slug)}
          aria-label=${msg(str`Act as somebody of ${tenant.name}`)}
          >${msg("Act as…")}</a
        >
        ${isOpen
          ? html`<button
              type="button"
              class="button button--small button--danger"
              aria-label=${msg(str`Suspend ${tenant.name}`)}
              ?disabled=${this.#busy.now}
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
              ?disabled=${this.#busy.now}
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

  #act(work: () => Promise<PlatformTenant>): Promise<void> {
    return this.#busy.run(async () => {
      const changed = await work();
      this.#tenants.replace(changed, ({ id }) => id === changed.id);
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-tenants-page": TenantsPage;
  }
}
