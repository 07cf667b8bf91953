/** Invitations of the organisation: one address or a pasted list, what became of each, and what is open. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import "../styles/identity.css";
import { Busy } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";
import { textOf } from "../ui/fields";
import { dayOf, exactTime } from "../ui/times";
import { IdentityApi } from "./identity-api";
import type { Invitation, InviteLine } from "./identity-api";

@customElement("soma-invitations")
export class Invitations extends LightElement {
  /** Names of roles that can be given, with their keys. */
  @property({ attribute: false }) roles: readonly (readonly [key: string, name: string])[] = [];
  @state() private items: readonly Invitation[] = [];
  @state() private lines: readonly InviteLine[] = [];
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @query("#invite-form") private readonly form!: HTMLDialogElement;
  @query("#invited") private readonly invited!: HTMLElement | null;
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: IdentityApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new IdentityApi(this.services.http);
    void this.#load();
  }

  protected override render(): TemplateResult {
    const open = this.items.filter(({ state: now }) => now === "open" || now === "expired");
    return html`<section class="security" aria-labelledby="invitations-title">
      <div class="security__item">
        <h2 class="card__title" id="invitations-title">${msg("Invitations")}</h2>
        <button
          type="button"
          class="button button--primary"
          @click=${() => {
            this.formProblem = null;
            this.form.showModal();
          }}
        >
          ${msg("Invite people")}
        </button>
      </div>
      ${this.problem === null ? nothing : problemView(this.problem, () => void this.#load())}
      ${this.#outcome()}
      ${open.length === 0
        ? html`<p class="muted">${msg("No invitation is open.")}</p>`
        : html`<ul class="security__list" data-testid="invitations">
            ${repeat(open, ({ id }) => id, (one) => this.#item(one))}
          </ul>`}
      ${this.#dialog()}
    </section>`;
  }

  #outcome(): TemplateResult | typeof nothing {
    if (this.lines.length === 0) return nothing;
    const failed = this.lines.filter(({ invitation }) => invitation === null);
    const count = this.lines.length - failed.length;
    return html`<div class="notice security" id="invited" tabindex="-1" role="status">
      <p>${msg(str`Invited: ${count}. Each has 72 hours to follow the link.`)}</p>
      ${failed.map(({ email, detail }) => html`<p>${email}: ${detail}</p>`)}
    </div>`;
  }

  #item(one: Invitation): TemplateResult {
    return html`<li class="security__item">
      <span>
        ${one.email}
        <span class="muted" title=${exactTime(one.sent_at)}>
          ${this.#roleName(one.role)}, ${msg(str`sent ${dayOf(one.sent_at)}`)}
        </span>
        ${one.state === "expired" ? html`<span class="tag">${msg("expired")}</span>` : nothing}
      </span>
      <span class="row">
        <button
          type="button"
          class="button button--small"
          aria-label=${msg(str`Send the invitation of ${one.email} again`)}
          ?disabled=${this.#busy.now}
          @click=${() => void this.#resend(one)}
        >
          ${msg("Send again")}
        </button>
        <button
          type="button"
          class="button button--small button--danger"
          aria-label=${msg(str`Take the invitation of ${one.email} back`)}
          ?disabled=${this.#busy.now}
          @click=${() => void this.#revoke(one)}
        >
          ${msg("Take back")}
        </button>
      </span>
    </li>`;
  }

  #dialog(): TemplateResult {
    return html`<dialog class="dialog" id="invite-form" aria-labelledby="invite-title">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#invite(event.target as HTMLFormElement);
        }}
      >
        <h2 class="card__title" id="invite-title">${msg("Invite people")}</h2>
        ${this.formProblem === null ? nothing : problemView(this.formProblem)}
        <label class="field">
          <span class="field__label">${msg("E-mail addresses")}</span>
          <textarea class="input" name="emails" rows="4" required></textarea>
          <span class="field__hint">${msg("One, or a list with commas or one a line.")}</span>
        </label>
        <label class="field">
          <span class="field__label">${msg("Role")}</span>
          <select class="input" name="role">
            ${this.roles.map(
              ([key, name]) => html`<option value=${key} ?selected=${key === "member"}>${name}</option>`,
            )}
          </select>
        </label>
        ${dialogActs(msg("Invite"), msg("Cancel"), this.#busy.now)}
      </form>
    </dialog>`;
  }

  #roleName(key: string): string {
    return this.roles.find(([one]) => one === key)?.[1] ?? key;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.items = (await this.#api.invitations()).items;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  #invite(form: HTMLFormElement): Promise<void> {
    const fields = new FormData(form);
    const emails = textOf(fields, "emails").split(/[\s,;]+/).filter((one) => one !== "");
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        this.lines = (await this.#api.invite(emails, textOf(fields, "role"))).lines;
        form.reset();
        this.form.close();
        await this.#load();
        await this.updateComplete;
        this.invited?.focus();
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #resend(one: Invitation): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.resend(one.id);
      this.services.toasts.say(msg(str`${one.email} gets a new link; the old one has ended.`));
      await this.#load();
    });
  }

  #revoke(one: Invitation): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.revoke(one.id);
      this.services.toasts.say(msg(str`The invitation of ${one.email} is taken back.`));
      await this.#load();
      this.querySelector<HTMLElement>("button")?.focus();
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-invitations": Invitations;
  }
}
