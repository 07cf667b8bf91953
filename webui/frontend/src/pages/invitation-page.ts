/** An invitation: joined with a new account, or accepted by the person of that address. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Me, Problem } from "../api/types";
import { EntranceController } from "../identity/entrance";
import { IdentityApi } from "../identity/identity-api";
import type { Welcome } from "../identity/identity-api";
import { detour } from "../router/detour";
import { HOME, SIGN_IN } from "../router/routes";
import { linkSecret } from "../session/link-secret";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";
import { narrowForm } from "../ui/narrow-form";
import { newPasswordField, ownNameField } from "../ui/account-fields";
import { loadingView } from "../ui/states";

@customElement("soma-invitation-page")
export class InvitationPage extends LightElement {
  @state() private welcome: Welcome | null = null;
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @query("#name") private readonly name!: HTMLInputElement;
  @query("#new-password") private readonly password!: HTMLInputElement;
  readonly #session = new StoreController(this);
  readonly #entrance = new EntranceController(this, () => this.services.http);
  #api!: IdentityApi;
  #token = "";

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Invitation")} · SomaAgent`;
    this.#session.follow(this.services.session);
    this.#api = new IdentityApi(this.services.http);
    this.#token = linkSecret();
    void this.#look();
  }

  protected override render(): TemplateResult {
    return narrowForm({
      title:
        this.welcome === null ? msg("Invitation") : msg(str`Join ${this.welcome.tenant}`),
      problem: this.problem,
      testId: "invitation",
      submit: () => void this.#submit(),
      body: this.#body(),
    });
  }

  #body(): TemplateResult {
    const { welcome } = this;
    if (welcome === null) {
      return this.problem === null
        ? loadingView(msg("Looking at the invitation…"))
        : html`<a class="button button--wide" href=${HOME}>${msg("Go on without it")}</a>`;
    }
    if (this.#entrance.known === null) return loadingView(msg("Looking at the invitation…"));
    const { elsewhere } = this.#entrance;
    if (!welcome.has_account && elsewhere === null) return this.#newAccount(welcome);
    const { me } = this.services.session.state;
    if (me === null) {
      return html`<p>
          ${elsewhere === null
            ? msg(str`There is an account with ${welcome.email}. Sign in to accept.`)
            : msg(str`Sign in as ${welcome.email} to accept.`)}
        </p>
        ${elsewhere !== null && !welcome.has_account
          ? html`<p class="muted">
              ${msg(str`${elsewhere.name} has sent you a mail in which you choose a password.`)}
            </p>`
          : nothing}
        <a
          class="button button--primary button--wide"
          href=${detour(SIGN_IN, "/invitation")}
        >
          ${msg("Sign in")}
        </a>`;
    }
    return html`<p>${msg(str`You are signed in as ${me.user.email}.`)}</p>
      ${this.#submitButton(msg("Accept"))}`;
  }

  #newAccount(welcome: Welcome): TemplateResult {
    return html`<p>${msg(str`Your account will be ${welcome.email}.`)}</p>
      <input type="email" autocomplete="username" .value=${welcome.email} hidden />
      ${ownNameField()} ${newPasswordField(msg("Password"))} ${this.#submitButton(msg("Join"))}`;
  }

  #submitButton(label: string): TemplateResult {
    return html`<button
      type="submit"
      class="button button--primary button--wide"
      ?disabled=${this.busy}
    >
      ${this.busy ? nothing : label}
    </button>`;
  }

  async #look(): Promise<void> {
    try {
      this.welcome = await this.#api.welcome(this.#token);
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  }

  async #submit(): Promise<void> {
    if (this.welcome === null) return;
    this.busy = true;
    this.problem = null;
    try {
      const me: Me = this.services.session.state.me !== null
        ? await this.#api.accept(this.#token)
        : await this.#api.join(this.#token, this.name.value.trim(), this.password.value);
      const { hub, router, session } = this.services;
      hub.stop();
      router.go(HOME, { replace: true });
      session.adopt(me);
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.busy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-invitation-page": InvitationPage;
  }
}
