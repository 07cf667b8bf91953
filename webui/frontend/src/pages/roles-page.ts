/** Roles and what they may; roles of the organisation's own; why somebody can do something. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { permissionName } from "../people/names";
import { PeopleApi } from "../people/people-api";
import type { Explanation, Person, RoleList, RoleView } from "../people/people-api";
import { PEOPLE } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import "../styles/people.css";
import { Busy } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { textOf, textsOf } from "../ui/fields";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { problemView, reservedView, skeleton } from "../ui/states";

@customElement("soma-roles-page")
export class RolesPage extends LightElement {
  @state() private list: RoleList | null = null;
  @state() private people: readonly Person[] = [];
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @state() private editing: RoleView | null = null;
  @state() private answer: Explanation | null = null;
  @query("#role-form") private readonly form!: HTMLDialogElement;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: PeopleApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Roles")} · SomaAgent`;
    if (this.services.session.may("tenant.see_people")) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Roles")}</h1>
        <a class="button page__act" href=${PEOPLE}>${msg("People")}</a>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="roles-page">
        ${this.services.session.may("tenant.see_people")
          ? this.#body()
          : reservedView(
              msg("This page is for administrators of the organisation"),
              msg("They decide which role may do what."),
            )}
      </main>`;
  }

  #body(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.list === null) return skeleton(5, msg("Loading roles…"));
    return html`${this.services.session.may("tenant.assign_roles")
        ? html`<button type="button" class="button button--primary people__new" @click=${() => void this.#edit(null)}>
            ${ICONS.add}<span>${msg("New role")}</span>
          </button>`
        : nothing}
      <div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Roles")}>
        <table class="table people__table" data-testid="roles">
          <thead>
            <tr>
              <th scope="col">${msg("Role")}</th>
              <th scope="col">${msg("May")}</th>
              <th scope="col" class="table__number">${msg("People")}</th>
              <th scope="col"><span class="visually-hidden">${msg("Actions")}</span></th>
            </tr>
          </thead>
          <tbody>
            ${repeat(this.list.items, (one) => one.role_id ?? one.name, (one) => this.#row(one))}
          </tbody>
        </table>
      </div>
      ${this.#why()} ${this.#dialog()}`;
  }

  #row(role: RoleView): TemplateResult {
    const id = role.role_id;
    return html`<tr data-role-name=${role.name}>
      <th scope="row">${role.title}</th>
      <td>
        <span class="people__tags">
          ${role.permissions.map((one) => html`<span class="tag">${permissionName(one)}</span>`)}
        </span>
      </td>
      <td class="table__number">${role.people}</td>
      <td>
        ${id === null || !this.services.session.may("tenant.assign_roles")
          ? nothing
          : html`<button
                type="button"
                class="button button--small"
                aria-label=${msg(str`Change ${role.title}`)}
                @click=${() => void this.#edit(role)}
              >
                ${msg("Change")}
              </button>
              <button
                type="button"
                class="button button--small button--danger"
                aria-label=${msg(str`Delete ${role.title}`)}
                ?disabled=${this.#busy.now || role.people > 0}
                @click=${() => void this.#delete(id)}
              >
                ${msg("Delete")}
              </button>`}
      </td>
    </tr>`;
  }

  #why(): TemplateResult {
    const { answer } = this;
    const permissions = this.list?.items[0]?.permissions ?? [];
    return html`<section aria-labelledby="why-title">
      <h2 id="why-title" class="people__title">${msg("Why can this person do that?")}</h2>
      <form class="people__controls" @submit=${(event: SubmitEvent) => void this.#explain(event)}>
        <label class="field">
          <span class="field__label">${msg("Person")}</span>
          <select class="input" name="person">
            ${this.people.map(
              (one) => html`<option value=${one.user_id}>${one.display_name} · ${one.email}</option>`,
            )}
          </select>
        </label>
        <label class="field">
          <span class="field__label">${msg("May")}</span>
          <select class="input" name="permission">
            ${permissions.map((one) => html`<option value=${one}>${permissionName(one)}</option>`)}
          </select>
        </label>
        <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Explain")}</button>
      </form>
      <div role="status" data-testid="why">
        ${answer === null
          ? nothing
          : answer.is_allowed
            ? html`<p>${msg("Yes:")}</p>
                <ul class="people__paths">
                  ${answer.paths.map((path) => html`<li>${path.join(" ")}</li>`)}
                </ul>`
            : html`<p>${msg("No.")} ${answer.lacking}</p>`}
      </div>
    </section>`;
  }

  #dialog(): TemplateResult {
    const role = this.editing;
    return html`<dialog class="dialog" id="role-form" aria-labelledby="role-title">
      <form @submit=${(event: SubmitEvent) => void this.#save(event)}>
        <h2 class="card__title" id="role-title">
          ${role === null ? msg("New role") : msg(str`Change ${role.title}`)}
        </h2>
        ${this.formProblem === null ? nothing : problemView(this.formProblem)}
        <label class="field">
          <span class="field__label">${msg("Name")}</span>
          <input
            class="input"
            name="name"
            required
            maxlength="60"
            autocomplete="off"
            .value=${role?.name ?? ""}
          />
        </label>
        <fieldset class="people__choices">
          <legend class="field__label">${msg("May")}</legend>
          ${this.list?.giveable.map(
            (one) => html`<label class="check">
              <input
                type="checkbox"
                name="permission"
                value=${one}
                .checked=${role?.permissions.includes(one) ?? false}
              />
              <span>${permissionName(one)}</span>
            </label>`,
          )}
        </fieldset>
        ${role === null || role.people === 0
          ? nothing
          : html`<p class="hint">${msg("It changes at once for everybody who has the role.")}</p>`}
        ${dialogActs(msg("Save"), msg("Cancel"), this.#busy.now)}
      </form>
    </dialog>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      const [list, page] = await Promise.all([this.#api.roles(), this.#api.people("", null)]);
      this.list = list;
      this.people = page.items;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #edit(role: RoleView | null): Promise<void> {
    this.formProblem = null;
    this.editing = role;
    await this.updateComplete;
    // What was entered and left before is still in the fields: Lit only writes what it changed.
    for (const box of this.form.querySelectorAll<HTMLInputElement>("input")) {
      if (box.type === "checkbox") box.checked = role?.permissions.includes(box.value) ?? false;
      else box.value = role?.name ?? "";
    }
    this.form.showModal();
  }

  #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const permissions = textsOf(fields, "permission");
    const name = textOf(fields, "name");
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        await this.#api.saveRole(this.editing?.role_id ?? null, name, permissions);
        this.form.close();
        await this.#load();
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #delete(roleId: string): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.deleteRole(roleId);
      await this.#load();
    });
  }

  #explain(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const permission = `tenant.${textOf(fields, "permission")}`;
    return this.#busy.run(async () => {
      this.answer = await this.#api.why(textOf(fields, "person"), permission);
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-roles-page": RolesPage;
  }
}
