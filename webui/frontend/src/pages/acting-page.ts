/** Acting as somebody, for platform administrators: whom, who asked, and what waits for a second one. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { ActingApi, actingQuestion, beginActing } from "../people/acting";
import type { Acting, Candidate } from "../people/acting";
import { PeopleApi } from "../people/people-api";
import type { PlatformTenant } from "../people/people-api";
import "../people/reason-dialog";
import type { ReasonDialog } from "../people/reason-dialog";
import { TENANTS } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { PagedList } from "../ui/paged-list";
import { searchField } from "../ui/search-field";
import { emptyView, problemView, reservedView } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";

@customElement("soma-acting-page")
export class ActingPage extends LightElement {
  @state() private tenant: PlatformTenant | null = null;
  @state() private problem: Problem | null = null;
  @query("soma-reason-dialog") private readonly reason!: ReasonDialog;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  readonly #people = new PagedList<Candidate>(
    this,
    () => this.services.toasts,
    (cursor) => this.#api.people(this.tenant?.id ?? "", this.#text, cursor),
  );
  readonly #requests = new PagedList<Acting>(
    this,
    () => this.services.toasts,
    (cursor) => this.#api.list(cursor),
  );
  #api!: ActingApi;
  #text = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new ActingApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Acting as somebody")} · SomaAgent`;
    if (!this.services.session.isPlatformAdmin) return;
    void this.#requests.load();
    void this.#find(this.services.router.state.query.get("tenant") ?? "");
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Acting as somebody")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="acting-page">
        ${this.services.session.isPlatformAdmin
          ? html`${this.#choice()}
              <h2 class="people__title">${msg("Requests")}</h2>
              ${this.#log()}<soma-reason-dialog></soma-reason-dialog>`
          : reservedView(
              msg("This page is for administrators of the platform"),
              msg("They help people by acting as them for an hour."),
            )}
      </main>`;
  }

  #choice(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem);
    if (this.tenant === null) {
      return html`<p>
        ${msg("Choose whose people you want to act as:")}
        <a href=${TENANTS}>${msg("Organisations")}</a>
      </p>`;
    }
    return html`<h2 class="people__title">${msg(str`People of ${this.tenant.name}`)}</h2>
      ${searchField(msg("Name or e-mail"), (words) => {
        this.#text = words;
        void this.#people.load();
      })}
      ${this.#people.view({
        loading: msg("Loading people…"),
        empty: emptyView(msg("Nobody found"), msg("Look for another name or address.")),
        full: (people) => html`<ul class="people__rows" data-testid="candidates">
          ${repeat(people, ({ user_id: id }) => id, (one) => this.#candidate(one))}
        </ul>`,
      })}`;
  }

  #candidate(one: Candidate): TemplateResult {
    return html`<li class="people__row">
      <span>${one.display_name}<span class="people__mail">${one.email} · ${one.role}</span></span>
      <button
        type="button"
        class="button button--small"
        aria-label=${msg(str`Act as ${one.display_name}`)}
        @click=${() => {
          if (this.tenant === null) return;
          this.reason.ask(
            actingQuestion(this.services, this.tenant.id, one, () => void this.#requests.load()),
          );
        }}
      >
        ${msg("Act as this person")}
      </button>
    </li>`;
  }

  #log(): TemplateResult {
    return this.#requests.view({
      loading: msg("Loading requests…"),
      empty: emptyView(msg("None yet"), msg("Whoever acts as somebody is listed here.")),
      full: (requests) => html`<ul class="people__rows" data-testid="acting-requests">
        ${repeat(requests, ({ id }) => id, (one) => this.#request(one))}
      </ul>`,
      more: msg("Older ones"),
    });
  }

  #request(one: Acting): TemplateResult {
    const me = this.services.session.userId;
    return html`<li class="people__row" data-status=${one.status}>
      <span>
        ${msg(str`${one.admin_name} as ${one.user_name}, ${one.tenant_name}`)}
        <span class="people__mail" title=${exactTime(one.asked_at)}>
          ${dayOf(one.asked_at)} ${clockTime(one.asked_at)} · ${one.reason}
        </span>
        <span class="people__mail">${this.#state(one)}</span>
      </span>
      <span class="row">
        ${one.status === "waiting" && one.admin_id !== me
          ? this.#button(msg("Approve"), one, () => this.#act(() => this.#api.approve(one.id)))
          : nothing}
        ${one.status === "ready" && one.admin_id === me
          ? this.#button(msg("Begin"), one, () => beginActing(this.services, one.id))
          : nothing}
        ${one.status === "ended"
          ? nothing
          : this.#button(one.status === "waiting" && one.admin_id !== me ? msg("Refuse") : msg("End"), one, () => this.#act(() => this.#api.end(one.id)))}
      </span>
    </li>`;
  }

  #button(label: string, one: Acting, work: () => Promise<void>): TemplateResult {
    return html`<button
      type="button"
      class="button button--small"
      aria-label=${msg(str`${label}: ${one.admin_name} as ${one.user_name}`)}
      ?disabled=${this.#busy.now}
      @click=${() => void this.#busy.run(work)}
    >
      ${label}
    </button>`;
  }

  #state(one: Acting): string {
    const time = clockTime(one.ended_at ?? one.expires_at);
    const approved = one.approved_by === null ? "" : ` · ${msg(str`approved by ${one.approved_by_name}`)}`;
    switch (one.status) {
      case "waiting":
        return msg(str`waits for a second administrator until ${time}`);
      case "ready":
        return msg(str`can begin until ${time}`) + approved;
      case "begun":
        return msg(str`goes on until ${time}`) + approved;
      default:
        return msg(str`ended ${time}: ${this.#why(one.ended_why)}`) + approved;
    }
  }

  #why(why: string): string {
    const words: Record<string, string> = {
      button: msg("by hand"),
      colleague: msg("by a colleague"),
      time: msg("the time was over"),
      "sign-out": msg("somebody signed out"),
      "right lost": msg("a right was lost"),
    };
    return words[why] ?? why;
  }

  async #act(work: () => Promise<Acting>): Promise<void> {
    const changed = await work();
    this.#requests.replace(changed, ({ id }) => id === changed.id);
  }

  async #find(slug: string): Promise<void> {
    if (slug === "") return;
    try {
      const { items } = await new PeopleApi(this.services.http).tenants(slug, null);
      this.tenant = items.find((one) => one.slug === slug) ?? null;
    } catch (failure) {
      this.problem = problemOf(failure);
      return;
    }
    if (this.tenant !== null) await this.#people.load();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-acting-page": ActingPage;
  }
}
