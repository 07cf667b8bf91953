/** The company's directory (SCIM): its bearer, shown once, and the role that each group gives. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Directory, DirectoryGroup, SignOnApi } from "../identity/sign-on-api";
import { Busy } from "../ui/busy";
import { copyButton } from "../ui/copy-button";
import { dialogActs } from "../ui/dialog-acts";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

@customElement("soma-directory-card")
export class DirectoryCard extends LightElement {
  @property({ attribute: false }) api!: SignOnApi;
  /** Roles that new people can get. */
  @property({ attribute: false }) roles: readonly string[] = [];
  /** Names of the system's roles, by key. */
  @property({ attribute: false }) titles: ReadonlyMap<string, string> = new Map();
  @property({ type: Boolean }) readonly = false;
  @state() private secret: string | null = null;
  @query("#bearer") private readonly bearer!: HTMLElement | null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  @query("form button") private readonly makeButton!: HTMLElement | null;
  readonly #directory = new Loaded(this, () => this.api.directory());
  readonly #busy = new Busy(this, () => this.services.toasts);

  protected override render(): TemplateResult {
    return html`<section class="card security" aria-labelledby="directory-title">
      <h2 class="card__title" id="directory-title">${msg("Directory (SCIM 2.0)")}</h2>
      <p>
        ${msg("Your company’s directory can add, suspend and remove people by itself, of confirmed domains alone.")}
      </p>
      ${this.#directory.view(
        (directory) => this.#body(directory),
        () => skeleton(2, msg("Loading the directory…")),
      )}
    </section>`;
  }

  #body(directory: Directory): TemplateResult {
    const { connected_at: since, last_used_at: used } = directory;
    return html`<dl class="facts">
        <div><dt>${msg("Address")}</dt><dd><code>${directory.base_url}</code></dd></div>
        <div>
          <dt>${msg("Connected")}</dt>
          <dd title=${since === null ? nothing : exactTime(since)}>
            ${since === null ? msg("no") : dayOf(since)}
          </dd>
        </div>
        <div>
          <dt>${msg("Last used")}</dt>
          <dd title=${used === null ? nothing : exactTime(used)}>
            ${used === null ? msg("never") : dayOf(used)}
          </dd>
        </div>
        <div><dt>${msg("People")}</dt><dd>${directory.people}</dd></div>
      </dl>
      ${this.#shownOnce()} ${this.readonly ? nothing : this.#acts(directory)}
      ${directory.groups.length === 0 ? nothing : this.#groups(directory.groups)} ${this.#ending()}`;
  }

  #shownOnce(): TemplateResult | typeof nothing {
    const { secret } = this;
    if (secret === null) return nothing;
    return html`<div class="notice gateway__made" id="bearer" tabindex="-1" role="status">
      <p>${msg("This is the bearer of your directory. Copy it now: nobody can read it again.")}</p>
      <code class="gateway__secret" data-testid="bearer">${secret}</code>
      ${copyButton(this.services.toasts, secret, msg("Copy the bearer"))}
    </div>`;
  }

  #acts(directory: Directory): TemplateResult {
    const isConnected = directory.connected_at !== null;
    return html`<form
      class="row"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#connect(event.target as HTMLFormElement);
      }}
    >
      <label class="field">
        <span class="field__label">${msg("Role of new people")}</span>
        <select class="input" name="role">
          ${this.roles.map(
            (role) => html`<option value=${role} ?selected=${role === directory.default_role}>
              ${this.titles.get(role) ?? role}
            </option>`,
          )}
        </select>
      </label>
      <button type="submit" class="button" ?disabled=${this.#busy.now}>
        ${isConnected ? msg("Make a new bearer") : msg("Make a bearer")}
      </button>
      ${isConnected
        ? html`<button
            type="button"
            class="button button--danger"
            ?disabled=${this.#busy.now}
            @click=${() => {
              this.dialog.showModal();
            }}
          >
            ${msg("Disconnect")}
          </button>`
        : nothing}
    </form>
    ${isConnected ? html`<p class="hint">${msg("A new bearer ends the old one at once.")}</p>` : nothing}`;
  }

  #groups(groups: readonly DirectoryGroup[]): TemplateResult {
    return html`<h3>${msg("What groups give")}</h3>
      <ul class="security__list" data-testid="directory-groups">
        ${groups.map(
          (group) => html`<li class="security__item">
            <span>
              ${group.display_name}
              <span class="muted">${msg(str`${group.people} people`)}</span>
            </span>
            <select
              class="input"
              aria-label=${msg(str`Role of ${group.display_name}`)}
              ?disabled=${this.readonly || this.#busy.now}
              @change=${(event: Event) =>
                void this.#give(group, (event.target as HTMLSelectElement).value)}
            >
              <option value="" ?selected=${group.role === ""}>${msg("nothing")}</option>
              ${[...this.titles]
                .filter(([role]) => role !== "sysadmin")
                .map(
                  ([role, title]) =>
                    html`<option value=${role} ?selected=${role === group.role}>${title}</option>`,
                )}
            </select>
          </li>`,
        )}
      </ul>`;
  }

  #ending(): TemplateResult {
    return html`<dialog class="dialog" aria-labelledby="disconnect-title">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#disconnect();
        }}
      >
        <h2 class="card__title" id="disconnect-title">${msg("Disconnect the directory?")}</h2>
        <p>
          ${msg("It is refused from now on. People, roles and suspensions stay as they are; connecting again makes a new bearer.")}
        </p>
        ${dialogActs(msg("Disconnect it"), msg("Keep it"), this.#busy.now, "danger")}
      </form>
    </dialog>`;
  }

  #connect(form: HTMLFormElement): Promise<void> {
    const role = new FormData(form).get("role");
    return this.#busy.run(async () => {
      this.secret = (await this.api.connectDirectory(typeof role === "string" ? role : "")).secret;
      await this.#directory.load();
      await this.updateComplete;
      this.bearer?.focus();
    });
  }

  async #disconnect(): Promise<void> {
    await this.#busy.run(async () => {
      await this.api.disconnectDirectory();
      this.secret = null;
      this.dialog.close();
      await this.#directory.load();
    });
    // Only now it can be pressed again.
    await this.updateComplete;
    this.makeButton?.focus();
  }

  #give(group: DirectoryGroup, role: string): Promise<void> {
    return this.#busy.run(async () => {
      try {
        await this.api.setGroupRole(group.id, role);
        this.services.toasts.say(msg(str`The role of ${group.display_name} holds at once.`));
      } finally {
        await this.#directory.load();
      }
    });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-directory-card": DirectoryCard;
  }
}
