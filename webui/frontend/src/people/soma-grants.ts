/** What a person was given on single agents, beside roles: seen, given and taken back in a dialog. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Agent, Problem } from "../api/types";
import { Busy } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";
import { relationName } from "./names";
import { PeopleApi } from "./people-api";
import type { Grant, Person } from "./people-api";

/** What can be given on an agent. */
const RELATIONS = ["viewer", "user", "trainer", "developer", "admin", "owner"] as const;

@customElement("soma-grants")
export class GrantsDialog extends LightElement {
  @state() private person: Person | null = null;
  @state() private grants: readonly Grant[] | null = null;
  @state() private agents: readonly Agent[] = [];
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: PeopleApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new PeopleApi(this.services.http);
  }

  async open(person: Person): Promise<void> {
    this.person = person;
    this.grants = null;
    this.problem = null;
    this.formProblem = null;
    this.dialog.showModal();
    try {
      const [found, agents] = await Promise.all([
        this.#api.grants(person.user_id),
        this.services.api.agents(),
      ]);
      this.grants = found.items;
      this.agents = agents.items;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  protected override render(): TemplateResult {
    const { person } = this;
    return html`<dialog class="dialog" aria-labelledby="grants-title" data-testid="grants">
      ${person === null
        ? nothing
        : html`<h2 class="card__title" id="grants-title">
              ${msg(str`What ${person.display_name} was given`)}
            </h2>
            ${this.problem === null ? this.#list() : problemView(this.problem)}
            ${this.#form(person)}`}
    </dialog>`;
  }

  #list(): TemplateResult {
    if (this.grants === null) return skeleton(2, msg("Loading…"));
    if (this.grants.length === 0) {
      return emptyView(msg("Nothing yet"), msg("Roles say what this person may do; here comes what is given beside them."));
    }
    return html`<ul class="people__rows">
      ${repeat(this.grants, ({ id }) => id, (one) => this.#grant(one))}
    </ul>`;
  }

  #grant(one: Grant): TemplateResult {
    const agent = this.agents.find(({ id }) => id === one.object_id);
    const name = agent?.name ?? `${one.object_type} ${one.object_id}`;
    const until = one.expires_at;
    return html`<li class="people__row">
      <span>
        ${msg(str`${relationName(one.relation)}: ${name}`)}
        <span class="people__mail">${one.reason}</span>
        <span class="people__mail" title=${until == null ? nothing : exactTime(until)}>
          ${until == null ? msg("until it is taken back") : msg(str`until ${dayOf(until)}`)}
        </span>
      </span>
      <button
        type="button"
        class="button button--small button--danger"
        aria-label=${msg(str`Take back: ${relationName(one.relation)}, ${name}`)}
        ?disabled=${this.#busy.now}
        @click=${() => void this.#take(one)}
      >
        ${msg("Take back")}
      </button>
    </li>`;
  }

  #form(person: Person): TemplateResult {
    return html`<form @submit=${(event: SubmitEvent) => void this.#give(event, person)}>
      ${this.formProblem === null ? nothing : problemView(this.formProblem)}
      <label class="field">
        <span class="field__label">${msg("Agent")}</span>
        <select class="input" name="agent">
          ${this.agents.map((one) => html`<option value=${one.id}>${one.name}</option>`)}
        </select>
      </label>
      <label class="field">
        <span class="field__label">${msg("As")}</span>
        <select class="input" name="relation">
          ${RELATIONS.map((one) => html`<option value=${one}>${relationName(one)}</option>`)}
        </select>
      </label>
      <label class="field">
        <span class="field__label">${msg("Reason")}</span>
        <input class="input" name="reason" minlength="3" maxlength="300" required autocomplete="off" />
      </label>
      <label class="field">
        <span class="field__label">${msg("Until (empty: until it is taken back)")}</span>
        <input class="input" name="until" type="datetime-local" />
      </label>
      ${dialogActs(msg("Give"), msg("Close"), this.#busy.now || this.agents.length === 0)}
    </form>`;
  }

  #give(event: SubmitEvent, person: Person): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const fields = new FormData(form);
    const until = textOf(fields, "until");
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        const given = await this.#api.giveGrant({
          user_id: person.user_id,
          object_type: "agent",
          object_id: textOf(fields, "agent"),
          relation: textOf(fields, "relation"),
          reason: textOf(fields, "reason"),
          expires_at: until === "" ? null : new Date(until).toISOString(),
        });
        this.grants = [given, ...(this.grants ?? []).filter(({ id }) => id !== given.id)];
        form.reset();
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #take(one: Grant): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.takeGrantBack(one.id);
      this.grants = this.grants?.filter(({ id }) => id !== one.id) ?? null;
      await this.updateComplete;
      this.dialog.querySelector<HTMLElement>("select")?.focus();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-grants": GrantsDialog;
  }
}
