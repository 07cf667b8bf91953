/**
 * Keys of programs: make, rotate, revoke; and a request as code. The secret of a key is shown once.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { MICRO } from "../gateway/amounts";
import { PLACEHOLDER } from "../gateway/code-sample";
import { GatewayApi } from "../gateway/gateway-api";
import type { ApiKey, KeyDraft, MadeKey } from "../gateway/gateway-api";
import { StoreController } from "../store";
import "../styles/gateway.css";
import "../styles/memory.css";
import { Busy } from "../ui/busy";
import { copyButton } from "../ui/copy-button";
import { ICONS } from "../ui/icons";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { dialogActs } from "../ui/dialog-acts";
import { emptyView, problemView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

const OVERLAP_S = 86_400;

@customElement("soma-keys-page")
export class KeysPage extends LightElement {
  @state() private keys: readonly ApiKey[] | null = null;
  @state() private problem: Problem | null = null;
  @state() private formProblem: Problem | null = null;
  @state() private made: MadeKey | null = null;
  @state() private ending: ApiKey | null = null;
  @query("#key-form") private readonly form!: HTMLDialogElement;
  @query("#end-form") private readonly endForm!: HTMLDialogElement;
  @query("#made") private readonly madeNote!: HTMLElement | null;
  readonly #session = new StoreController(this);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: GatewayApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new GatewayApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Keys")} · SomaAgent`;
    void this.#load();
  }

  get #mayAdministrate(): boolean {
    return this.services.session.may("tenant.administrate");
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Keys")}</h1>
        <button
          type="button"
          class="button button--primary page__act"
          @click=${() => {
            this.formProblem = null;
            this.form.showModal();
          }}
        >
          ${ICONS.add}<span>${msg("Make a key")}</span>
        </button>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="keys-page">
        ${this.#made()} ${this.#list()} ${this.#code()} ${this.#dialog()} ${this.#endDialog()}
      </main>`;
  }

  #made(): TemplateResult | typeof nothing {
    const { made } = this;
    if (made === null) return nothing;
    return html`<div class="notice gateway__made" id="made" tabindex="-1" role="status">
      <p>
        ${msg(str`This is the secret of ${made.key.name}. Copy it now: nobody can read it again.`)}
      </p>
      <code class="gateway__secret" data-testid="secret">${made.secret}</code>
      ${copyButton(this.services.toasts, made.secret, msg("Copy the secret"))}
    </div>`;
  }

  #list(): TemplateResult {
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.keys === null) return skeleton(4, msg("Loading keys…"));
    if (this.keys.length === 0) {
      return emptyView(
        msg("No key yet"),
        msg("With a key, any program that speaks OpenAI’s API can use your models and agents."),
      );
    }
    return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${msg("Keys")}>
      <table class="table" data-testid="keys">
        <thead>
          <tr>
            <th scope="col">${msg("Name")}</th>
            <th scope="col">${msg("Begins with")}</th>
            <th scope="col">${msg("May")}</th>
            <th scope="col">${msg("Last used")}</th>
            <th scope="col">${msg("Ends")}</th>
            <th scope="col"><span class="visually-hidden">${msg("Actions")}</span></th>
          </tr>
        </thead>
        <tbody>
          ${repeat(this.keys, ({ id }) => id, (key) => this.#row(key))}
        </tbody>
      </table>
    </div>`;
  }

  #row(key: ApiKey): TemplateResult {
    const isOver = key.revoked_at !== null;
    return html`<tr data-key=${key.id}>
      <th scope="row">
        ${key.name}
        ${key.kind === "tenant" ? html`<span class="tag">${msg("organisation")}</span>` : nothing}
      </th>
      <td><code>${key.prefix}…</code></td>
      <td>${key.scopes.join(", ")}</td>
      <td title=${key.last_used_at === null ? nothing : exactTime(key.last_used_at)}>
        ${key.last_used_at === null ? msg("never") : dayOf(key.last_used_at)}
      </td>
      <td title=${key.expires_at === null ? nothing : exactTime(key.expires_at)}>
        ${isOver ? msg("revoked") : key.expires_at === null ? msg("never") : dayOf(key.expires_at)}
      </td>
      <td class="gateway__acts">
        ${isOver
          ? nothing
          : html`<button
                type="button"
                class="button button--small"
                aria-label=${msg(str`Rotate ${key.name}`)}
                ?disabled=${this.#busy.now}
                @click=${() => void this.#rotate(key)}
              >
                ${msg("Rotate")}
              </button>
              <button
                type="button"
                class="button button--small button--danger"
                aria-label=${msg(str`Revoke ${key.name}`)}
                ?disabled=${this.#busy.now}
                @click=${() => {
                  this.ending = key;
                  this.endForm.showModal();
                }}
              >
                ${msg("Revoke")}
              </button>`}
      </td>
    </tr>`;
  }

  #code(): TemplateResult {
    return html`<soma-code-sample
      heading=${msg("A first call")}
      secret=${this.made?.secret ?? PLACEHOLDER}
      .request=${{ model: "default", messages: [{ role: "user", content: "Hello" }] }}
    ></soma-code-sample>`;
  }

  #dialog(): TemplateResult {
    return html`<dialog class="dialog" id="key-form" aria-labelledby="key-title">
      <form @submit=${(event: SubmitEvent) => void this.#make(event)}>
        <h2 class="card__title" id="key-title">${msg("Make a key")}</h2>
        ${this.formProblem === null ? nothing : problemView(this.formProblem)}
        <label class="field">
          <span class="field__label">${msg("Name")}</span>
          <input class="input" name="name" required maxlength="100" autocomplete="off" />
          <span class="field__hint">${msg("What it is for, so that you know it again.")}</span>
        </label>
        ${this.#mayAdministrate
          ? html`<label class="field">
              <span class="field__label">${msg("Whose")}</span>
              <select class="input" name="kind">
                <option value="personal">${msg("Mine: it may what I may")}</option>
                <option value="tenant">${msg("The organisation’s: it stays when people leave")}</option>
              </select>
            </label>`
          : nothing}
        <label class="field">
          <span class="field__label">${msg("Budget a month, in dollars")}</span>
          <input class="input" name="budget" type="number" min="0" step="0.01" inputmode="decimal" />
          <span class="field__hint">${msg("Empty: no budget of its own.")}</span>
        </label>
        <label class="field">
          <span class="field__label">${msg("Requests a minute")}</span>
          <input class="input" name="requests" type="number" min="1" step="1" inputmode="numeric" />
        </label>
        <label class="field">
          <span class="field__label">${msg("Ends on")}</span>
          <input class="input" name="ends" type="date" />
        </label>
        <label class="field">
          <span class="field__label">${msg("Only from these addresses")}</span>
          <input class="input" name="networks" autocomplete="off" placeholder="203.0.113.0/24" />
        </label>
        ${dialogActs(msg("Make it"), msg("Cancel"), this.#busy.now)}
      </form>
    </dialog>`;
  }

  #endDialog(): TemplateResult {
    const key = this.ending;
    return html`<dialog class="dialog" id="end-form" aria-labelledby="end-title">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          if (key !== null) void this.#revoke(key);
        }}
      >
        <h2 class="card__title" id="end-title">${msg(str`Revoke ${key?.name ?? ""}?`)}</h2>
        <p>
          ${msg("Programs that use it are refused within a second, also in the middle of an answer. This cannot be undone; its usage stays.")}
        </p>
        ${dialogActs(msg("Revoke the key"), msg("Keep"), this.#busy.now, "danger")}
      </form>
    </dialog>`;
  }

  async #load(): Promise<void> {
    this.problem = null;
    try {
      this.keys = (await this.#api.keys()).items.filter(({ revoked_at: at }) => at === null);
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  #make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const fields = new FormData(form);
    const text = (name: string): string => textOf(fields, name);
    const networks = text("networks").split(/[\s,]+/).filter((one) => one !== "");
    const draft: KeyDraft = {
      name: text("name"),
      kind: text("kind") === "tenant" ? "tenant" : "personal",
      ...(text("budget") === "" ? {} : { monthly_micros: Math.round(Number(text("budget")) * MICRO) }),
      ...(text("requests") === "" ? {} : { requests_a_minute: Number(text("requests")) }),
      ...(text("ends") === "" ? {} : { expires_at: new Date(`${text("ends")}T23:59:59`).toISOString() }),
      ...(networks.length === 0 ? {} : { networks }),
    };
    this.formProblem = null;
    return this.#busy.run(
      async () => {
        this.made = await this.#api.makeKey(draft);
        form.reset();
        this.form.close();
        await this.#shown();
      },
      (problem) => {
        this.formProblem = problem;
      },
    );
  }

  #rotate(key: ApiKey): Promise<void> {
    return this.#busy.run(async () => {
      this.made = await this.#api.rotateKey(key.id, OVERLAP_S);
      this.services.toasts.say(msg(str`${key.name} has a new secret. The old one works for a day.`));
      await this.#shown();
    });
  }

  #revoke(key: ApiKey): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.revokeKey(key.id);
      this.endForm.close();
      if (this.made?.key.id === key.id) this.made = null;
      this.services.toasts.say(msg(str`${key.name} is revoked.`));
      await this.#load();
      this.querySelector<HTMLElement>(".page__act")?.focus();
    });
  }

  async #shown(): Promise<void> {
    await this.#load();
    await this.updateComplete;
    this.madeNote?.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-keys-page": KeysPage;
  }
}
