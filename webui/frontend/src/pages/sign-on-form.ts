/** The form of a sign-on provider: a preset or any OpenID Connect, our client there, the first role. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import type { SignOnApi, SignOnDraft, SignOnProvider } from "../identity/sign-on-api";
import { showProblem } from "../ui/busy";
import { dialogActs } from "../ui/dialog-acts";
import { textOf } from "../ui/fields";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";

type Kind = SignOnDraft["kind"];

/** How a kind is called. */
export function kindTitle(kind: string): string {
  if (kind === "google") return "Google";
  return kind === "github" ? "GitHub" : "OpenID Connect";
}

@customElement("soma-sign-on-form")
export class SignOnForm extends LightElement {
  @property({ attribute: false }) api!: SignOnApi;
  @property({ attribute: false }) roles: readonly string[] = [];
  @property({ attribute: false }) titles: ReadonlyMap<string, string> = new Map();
  @state() private isOpen = false;
  @state() private edited: SignOnProvider | null = null;
  @state() private kind: Kind = "oidc";
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @query("dialog") private readonly dialog!: HTMLDialogElement;

  /** Null: a new one. */
  async open(provider: SignOnProvider | null): Promise<void> {
    // Away first, so that nothing typed for another provider stays.
    this.isOpen = false;
    await this.updateComplete;
    this.edited = provider;
    this.kind = (provider?.kind ?? "oidc") as Kind;
    this.problem = null;
    this.isOpen = true;
    await this.updateComplete;
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    return html`<dialog class="dialog" aria-labelledby="sign-on-form-title" data-testid="sign-on-form">
      ${this.isOpen ? this.#form() : nothing}
    </dialog>`;
  }

  #form(): TemplateResult {
    const { edited } = this;
    return html`<form @submit=${(event: SubmitEvent) => void this.#save(event)}>
      <h2 class="card__title" id="sign-on-form-title">
        ${edited === null ? msg("Add a provider") : msg(str`Edit ${edited.name}`)}
      </h2>
      ${this.problem === null ? nothing : problemView(this.problem)}
      ${edited === null ? this.#kinds() : nothing}
      ${this.#text("name", msg("Name"), edited?.name ?? "")}
      ${this.kind === "oidc"
        ? this.#text(
            "issuer",
            msg("Issuer"),
            edited?.issuer ?? "",
            msg("Exactly as its discovery document says it, for example https://id.example.org/realms/people"),
          )
        : nothing}
      ${this.#text("client_id", msg("Client id"), edited?.client_id ?? "")}
      <label class="field">
        <span class="field__label">
          ${edited === null ? msg("Client secret") : msg("Client secret (optional)")}
        </span>
        <input class="input" type="password" name="client_secret" autocomplete="off" ?required=${edited === null} />
        <span class="field__hint">
          ${edited === null
            ? msg("Stored encrypted; it is never shown again.")
            : msg("A secret is stored. Leave this empty to keep it.")}
        </span>
      </label>
      <label class="field">
        <span class="field__label">${msg("Role of those who come for the first time")}</span>
        <select class="input" name="default_role">
          ${this.roles.map(
            (role) => html`<option value=${role} ?selected=${role === (edited?.default_role ?? "member")}>
              ${this.titles.get(role) ?? role}
            </option>`,
          )}
        </select>
      </label>
      ${dialogActs(msg("Save"), msg("Cancel"), this.busy)}
    </form>`;
  }

  #kinds(): TemplateResult {
    const kinds: readonly Kind[] = ["oidc", "google", "github"];
    return html`<label class="field">
      <span class="field__label">${msg("Kind")}</span>
      <select
        class="input"
        name="kind"
        @change=${(event: Event) => {
          this.kind = (event.target as HTMLSelectElement).value as Kind;
        }}
      >
        ${kinds.map((kind) => html`<option value=${kind}>${kindTitle(kind)}</option>`)}
      </select>
    </label>`;
  }

  #text(name: string, label: string, value: string, hint = ""): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${label}</span>
      <input class="input" name=${name} required autocomplete="off" spellcheck="false" .value=${value} />
      ${hint === "" ? nothing : html`<span class="field__hint">${hint}</span>`}
    </label>`;
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const secret = textOf(fields, "client_secret");
    const given = {
      name: textOf(fields, "name"),
      client_id: textOf(fields, "client_id"),
      default_role: textOf(fields, "default_role"),
      ...(this.kind === "oidc" ? { issuer: textOf(fields, "issuer") } : {}),
    };
    this.busy = true;
    this.problem = null;
    try {
      const saved =
        this.edited === null
          ? await this.api.create({ issuer: "", ...given, kind: this.kind, client_secret: secret })
          : await this.api.change(
              this.edited.id,
              secret === "" ? given : { ...given, client_secret: secret },
            );
      this.dialog.close();
      this.isOpen = false;
      this.dispatchEvent(new CustomEvent("sign-on-saved", { detail: saved }));
    } catch (failure) {
      this.problem = problemOf(failure);
      await showProblem(this);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-on-form": SignOnForm;
  }
}
