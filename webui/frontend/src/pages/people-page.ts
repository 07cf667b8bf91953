/** People of the organisation: their roles, their sessions, suspending and letting back in. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Problem } from "../api/types";
import "../identity/soma-invitations";
import "../identity/soma-sign-in-rules";
import { actingQuestion } from "../people/acting";
import { PeopleApi } from "../people/people-api";
import type { PeoplePage as PeopleList, Person, RoleView } from "../people/people-api";
import "../people/reason-dialog";
import "../people/soma-grants";
import type { GrantsDialog } from "../people/soma-grants";
import type { ReasonDialog } from "../people/reason-dialog";
import { ROLES } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { Busy } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { textOf, textsOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { PagedList } from "../ui/paged-list";
import { searchField } from "../ui/search-field";
import { emptyView, problemView, reservedView } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

@customElement("soma-people-page")
export class PeoplePage extends LightElement {
  @state() private roles: readonly RoleView[] = [];
  @state() private formProblem: Problem | null = null;
  @state() private editing: Person | null = null;
  @query("#roles-form") private readonly form!: HTMLDialogElement;
  @query("soma-grants") private readonly grants!: GrantsDialog;
  @query("soma-reason-dialog") private readonly reason!: ReasonDialog;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  readonly #people = new PagedList<Person>(
    this,
    () => this.services.toasts,
    (cursor) => this.#page(cursor),
  );
  #api!: PeopleApi;
  #text = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("People")} · SomaAgent`;
    if (this.services.session.may("tenant.see_people")) void this.#people.load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("People")}</h1>
        ${this.services.session.may("tenant.see_people")
          ? html`<a class="button page__act" href=${ROLES}>${msg("Roles")}</a>`
          : nothing}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="people-page">
        ${this.services.session.may("tenant.see_people")
          ? html`${searchField(msg("Name or e-mail"), (words) => {
                this.#text = words;
                void this.#people.load();
              })}
              ${this.#list()} ${this.#invitations()}
              ${this.services.session.may("tenant.manage") && !this.services.session.isActedFor
                ? html`<soma-sign-in-rules></soma-sign-in-rules>`
                : nothing}
              ${this.#dialog()}
              <soma-reason-dialog></soma-reason-dialog>
              <soma-grants></soma-grants>`
          : reservedView(
              msg("This page is for administrators of the organisation"),
              msg("They see who belongs to it and change roles."),
            )}
      </main>`;
  }

  #invitations(): TemplateResult | typeof nothing {
    if (!this.services.session.may("tenant.manage_people")) return nothing;
    const system = this.roles.filter(({ role_id: id }) => id === null);
    return html`<soma-invitations
      .roles=${system.map(({ name, title }) => [name, title] as const)}
    ></soma-invitations>`;
  }

  #list(): TemplateResult {
    return this.#people.view({
      loading: msg("Loading people…"),
      empty: emptyView(msg("Nobody found"), msg("Look for another name or address.")),
      full: (people) => this.#table(people),
    });
  }

  #table(people: readonly Person[]): TemplateResult {
    return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${msg("People")}>
        <table class="table people__table" data-testid="people">
          <thead>
            <tr>
              <th scope="col">${msg("Name")}</th>
              <th scope="col">${msg("Roles")}</th>
              <th scope="col">${msg("Sessions")}</th>
              <th scope="col">${msg("Last seen")}</th>
              <th scope="col"><span class="visually-hidden">${msg("Actions")}</span></th>
            </tr>
          </thead>
          <tbody>
            ${repeat(people, ({ user_id: id }) => id, (one) => this.#row(one))}
          </tbody>
        </table>
      </div>`;
  }

  #row(person: Person): TemplateResult {
    const seen = person.last_seen_at;
    const isMe = person.user_id === this.services.session.state.me?.user.id;
    return html`<tr data-person=${person.email}>
      <th scope="row">
        ${person.display_name}<span class="people__mail">${person.email}</span>
      </th>
      <td>
        <span class="people__tags">
          ${this.#names(person).map((name) => html`<span class="tag">${name}</span>`)}
          ${person.suspended_at === null
            ? nothing
            : html`<span class="tag tag--warn">${msg("suspended")}</span>`}
        </span>
      </td>
      <td>${person.sessions}</td>
      <td title=${seen === null ? nothing : exactTime(seen)}>
        ${seen === null ? msg("never") : dayOf(seen)}
      </td>
      <td>
        ${isMe ? nothing : this.#actAs(person)}
        ${isMe || !this.services.session.may("tenant.manage_people")
          ? nothing
          : html`<button
                type="button"
                class="button button--small"
                aria-label=${msg(str`Roles of ${person.display_name}`)}
                ?disabled=${this.#busy.now}
                @click=${() => void this.#edit(person)}
              >
                ${msg("Roles")}
              </button>
              <button
                type="button"
                class="button button--small"
                aria-label=${msg(str`Grants of ${person.display_name}`)}
                @click=${() => void this.grants.open(person)}
              >
                ${msg("Grants")}
              </button>
              <button
                type="button"
                class="button button--small"
                aria-label=${msg(str`Sign out ${person.display_name}`)}
                ?disabled=${this.#busy.now || person.sessions === 0}
                @click=${() => void this.#signOut(person)}
              >
                ${msg("Sign out")}
              </button>
              ${person.suspended_at === null
                ? html`<button
                    type="button"
                    class="button button--small button--danger"
                    aria-label=${msg(str`Suspend ${person.display_name}`)}
                    ?disabled=${this.#busy.now}
                    @click=${() => {
                      this.#askSuspend(person);
                    }}
                  >
                    ${msg("Suspend")}
                  </button>`
                : html`<button
                    type="button"
                    class="button button--small"
                    aria-label=${msg(str`Let back in: ${person.display_name}`)}
                    ?disabled=${this.#busy.now}
                    @click=${() => void this.#act(() => this.#api.resume(person.user_id))}
                  >
                    ${msg("Let back in")}
                  </button>`}`}
      </td>
    </tr>`;
  }

  #actAs(person: Person): TemplateResult | typeof nothing {
    const { session } = this.services;
    const tenant = session.state.me?.tenant;
    if (!session.may("platform.impersonate") || tenant == null) return nothing;
    return html`<button
      type="button"
      class="button button--small"
      aria-label=${msg(str`Act as ${person.display_name}`)}
      ?disabled=${this.#busy.now || person.suspended_at !== null}
      @click=${() => {
        this.reason.ask(actingQuestion(this.services, tenant.id, person, () => undefined));
      }}
    >
      ${msg("Act as this person")}
    </button>`;
  }

  #names(person: Person): string[] {
    const system = [person.role, ...person.roles].map(
      (name) => this.roles.find((one) => one.role_id === null && one.name === name)?.title ?? name,
    );
    const own = person.own_roles.map(
      (id) => this.roles.find((one) => one.role_id === id)?.title ?? "…",
    );
    return [...system, ...own];
  }

  #dialog(): TemplateResult {
    const person = this.editing;
    return html`<dialog class="dialog" id="roles-form" aria-labelledby="roles-title">
      ${person === null
        ? nothing
        : html`<form @submit=${(event: SubmitEvent) => void this.#save(event, person)}>
            <h2 class="card__title" id="roles-title">
              ${msg(str`Roles of ${person.display_name}`)}
            </h2>
            ${this.formProblem === null ? nothing : problemView(this.formProblem)}
            <label class="field">
              <span class="field__label">${msg("Main role")}</span>
              <select class="input" name="role">
                ${this.roles
                  .filter(({ role_id: id }) => id === null)
                  .map(
                    (one) => html`<option
                      value=${one.name}
                      ?selected=${one.name === person.role}
                      ?disabled=${one.is_privileged && !this.services.session.may("tenant.assign_roles")}
                    >
                      ${one.title}
                    </option>`,
                  )}
              </select>
            </label>
            <fieldset class="people__choices">
              <legend class="field__label">${msg("Further roles")}</legend>
              ${this.roles.map((one) => this.#choice(one, person))}
            </fieldset>
            <p class="hint">${msg("It holds everywhere within a second, also in open windows.")}</p>
            ${dialogActs(msg("Save"), msg("Cancel"), this.#busy.now)}
          </form>`}
    </dialog>`;
  }

  #choice(role: RoleView, person: Person): TemplateResult {
    const has =
      role.role_id === null
        ? person.roles.includes(role.name)
        : person.own_roles.includes(role.role_id);
    return html`<label class="check">
      <input
        type="checkbox"
        name=${role.role_id === null ? "further" : "own"}
        value=${role.role_id ?? role.name}
        .checked=${has}
        ?disabled=${role.is_privileged && !this.services.session.may("tenant.assign_roles")}
      />
      <span>${role.title}</span>
    </label>`;
  }

  async #page(cursor: string | null): Promise<PeopleList> {
    if (cursor !== null) return this.#api.people(this.#text, cursor);
    const [page, roles] = await Promise.all([this.#api.people(this.#text, null), this.#api.roles()]);
    this.roles = roles.items;
    return page;
  }

  async #edit(person: Person): Promise<void> {
    this.formProblem = null;
    // Away first, so that what was ticked and left for somebody else does not stay ticked.
    this.editing = null;
    await this.updateComplete;
    this.editing = person;
    await this.updateComplete;
    this.form.showModal();
  }

  #save(event: SubmitEvent, person: Person): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        this.#changed(
          await this.#api.setRoles(person.user_id, {
            role: textOf(fields, "role"),
            roles: textsOf(fields, "further"),
            own_roles: textsOf(fields, "own"),
          }),
        );
        this.form.close();
        this.services.toasts.say(msg(str`The roles of ${person.display_name} are changed.`));
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #signOut(person: Person): Promise<void> {
    return this.#busy.run(async () => {
      const { count } = await this.#api.signOut(person.user_id);
      this.#people.replace({ ...person, sessions: 0 }, (one) => one.user_id === person.user_id);
      this.services.toasts.say(msg(str`${person.display_name} is signed out. Sessions: ${count}.`));
    });
  }

  #askSuspend(person: Person): void {
    this.reason.ask({
      title: msg(str`Suspend ${person.display_name}?`),
      text: msg("The organisation is closed for this person within a second. Roles, conversations and memories stay as they are."),
      submit: msg("Suspend"),
      act: (reason) => this.#act(() => this.#api.suspend(person.user_id, reason)),
    });
  }

  #act(work: () => Promise<Person>): Promise<void> {
    return this.#busy.run(async () => {
      this.#changed(await work());
    });
  }

  #changed(person: Person): void {
    this.#people.replace(person, ({ user_id: id }) => id === person.user_id);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-people-page": PeoplePage;
  }
}
