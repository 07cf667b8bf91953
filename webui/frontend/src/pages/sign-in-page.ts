/**
 * Sign-in: a password or a passkey, then, where it is set up, a second factor.
 *
 * Says when a session has ended, and that nothing is lost.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Me, Problem } from "../api/types";
import { EntranceController, signInAddress } from "../identity/entrance";
import type { Entrance } from "../identity/entrance";
import { IdentityApi, isSecondStep } from "../identity/identity-api";
import type { SecondStep } from "../identity/identity-api";
import { hasPasskeys, showPasskey } from "../identity/passkey";
import { destination, detour } from "../router/detour";
import { FORGOTTEN, REGISTER } from "../router/routes";
import { brand } from "../ui/brand";
import { stepOfCompany } from "./company-sign-in";
import { LightElement } from "../ui/light-element";
import { nextStep, problemView, referenceLine } from "../ui/states";

@customElement("soma-sign-in-page")
export class SignInPage extends LightElement {
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  /** The password was right, and this is still to be shown. */
  @state() private second: SecondStep | null = null;
  @query("#email") private readonly email!: HTMLInputElement | null;
  @query("#password") private readonly password!: HTMLInputElement | null;
  @query("#code") private readonly code!: HTMLInputElement | null;
  readonly #entrance = new EntranceController(this, () => this.services.http);
  #hasFocused = false;
  #api!: IdentityApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new IdentityApi(this.services.http);
    this.second = stepOfCompany();
  }

  protected override firstUpdated(): void {
    document.title = `${msg("Sign in")} · SomaAgent`;
  }

  protected override updated(): void {
    if (this.#hasFocused || this.#entrance.known === null) return;
    this.#hasFocused = true;
    (this.code ?? this.email ?? this.querySelector<HTMLElement>("a.button"))?.focus();
  }

  protected override render(): TemplateResult {
    return html`<main id="main" class="centred">
      <form class="card card--narrow" data-testid="login-form" @submit=${this.#submit}>
        ${brand()} ${this.second === null ? this.#entry() : this.#secondStep(this.second)}
      </form>
    </main>`;
  }

  #entry(): TemplateResult | typeof nothing {
    if (this.#entrance.known === null) return nothing;
    const { elsewhere } = this.#entrance;
    return elsewhere === null ? this.#firstStep() : this.#atProvider(elsewhere);
  }

  #head(): TemplateResult {
    const { ended } = this.services.session.state;
    return html`<h1 class="card__title">${msg("Sign in")}</h1>
      ${ended
        ? html`<p class="notice" role="status">
            ${msg("Your session has ended. Sign in to go on where you were; your draft is kept.")}
          </p>`
        : nothing}`;
  }

  /** Accounts are kept elsewhere: one way in. */
  #atProvider(entrance: Entrance): TemplateResult {
    const { query: asked } = this.services.router.state;
    const refused = asked.get("refused");
    const isAway = entrance.is_away || refused === "sso-provider-away";
    return html`${this.#head()}
      ${isAway
        ? html`<div class="problem" role="alert">
            <p class="problem__title">${msg(str`${entrance.name} cannot be reached.`)}</p>
            <p>${msg("Nobody can sign in anew right now. Whoever is signed in goes on working.")}</p>
            <p class="problem__next">${msg("Try again in a minute.")}</p>
          </div>`
        : nothing}
      ${refused !== null && !isAway
        ? html`<p class="notice" role="alert">${this.#refusal(refused, entrance)}</p>`
        : nothing}
      <a
        class="button button--primary button--wide"
        href=${signInAddress(entrance, destination())}
      >
        ${isAway ? msg("Try again") : msg(str`Sign in with ${entrance.name}`)}
      </a>
      <p class="muted">
        ${msg(str`Passwords, second factors and forgotten passwords are seen to in ${entrance.name}.`)}
      </p>`;
  }

  #refusal(code: string, entrance: Entrance): string {
    return code === "sso-not-for-you"
      ? msg(
          str`${entrance.name} knows you, but there is no place for you here. Ask your administrator for an invitation.`,
        )
      : msg(str`The sign-in at ${entrance.name} could not be confirmed. Begin again.`);
  }

  #firstStep(): TemplateResult {
    return html`${this.#head()} ${this.problem === null ? nothing : this.#failure(this.problem)}
      <label class="field">
        <span class="field__label">${msg("E-mail")}</span>
        <input
          id="email"
          name="email"
          type="email"
          class="input"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
        />
      </label>
      <label class="field">
        <span class="field__label">${msg("Password")}</span>
        <input
          id="password"
          name="password"
          type="password"
          class="input"
          autocomplete="current-password"
          required
        />
      </label>
      <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
        ${this.busy ? msg("Signing in…") : msg("Sign in")}
      </button>
      ${this.#passkeyButton(null)}
      <soma-company-sign-in
        .address=${() => this.email?.value.trim() ?? ""}
      ></soma-company-sign-in>
      <a class="button button--quiet button--wide" href=${detour(FORGOTTEN, destination())}>
        ${msg("Forgotten your password?")}
      </a>
      ${this.#entrance.known?.has_registration === true
        ? html`<a class="button button--quiet button--wide" href=${detour(REGISTER, destination())}>
            ${msg("Make an account")}
          </a>`
        : nothing}`;
  }

  #secondStep(second: SecondStep): TemplateResult {
    const byCode = second.methods.includes("code");
    const byRecovery = second.methods.includes("recovery");
    return html`<h1 class="card__title">${msg("One more step")}</h1>
      <p class="muted">
        ${byCode
          ? msg("Enter the code that your app shows, or one of your recovery codes.")
          : msg("Use your passkey, or one of your recovery codes.")}
      </p>
      ${this.problem === null ? nothing : problemView(this.problem)}
      ${second.methods.includes("passkey") ? this.#passkeyButton(second.challenge) : nothing}
      ${byCode || byRecovery
        ? html`<label class="field">
              <span class="field__label">${byCode ? msg("Code") : msg("Recovery code")}</span>
              <input
                id="code"
                name="code"
                class="input"
                autocomplete="one-time-code"
                autocapitalize="none"
                spellcheck="false"
                required
              />
            </label>
            <button type="submit" class="button button--primary button--wide" ?disabled=${this.busy}>
              ${msg("Go on")}
            </button>`
        : nothing}
      <button type="button" class="button button--quiet button--wide" @click=${this.#again}>
        ${msg("Start again")}
      </button>`;
  }

  #passkeyButton(challenge: string | null): TemplateResult | typeof nothing {
    if (!hasPasskeys()) return nothing;
    return html`<button
      type="button"
      class="button button--wide"
      ?disabled=${this.busy}
      @click=${() => void this.#attempt(() => this.#byPasskey(challenge))}
    >
      ${msg("Use a passkey")}
    </button>`;
  }

  #failure(problem: Problem): TemplateResult {
    const known = problem.code === "invalid-credentials";
    return html`<div class="problem" role="alert">
      <p class="problem__title">
        ${known ? msg("E-mail or password is not right.") : problem.title}
      </p>
      ${known ? nothing : html`<p>${problem.detail}</p>`}
      <p class="problem__next">
        ${known ? msg("Check both and try again.") : nextStep(problem)}
      </p>
      ${known ? nothing : referenceLine(problem)}
    </div>`;
  }

  async #byPasskey(challenge: string | null): Promise<Me | SecondStep> {
    const asked = await this.#api.askPasskey(challenge);
    return await this.#api.loginPasskey(asked.challenge, await showPasskey(asked));
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { second } = this;
    await this.#attempt(() =>
      second === null
        ? this.#api.login(this.email?.value.trim() ?? "", this.password?.value ?? "")
        : this.#api.loginCode(second.challenge, this.code?.value.trim() ?? ""),
    );
  };

  async #attempt(work: () => Promise<Me | SecondStep>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      const found = await work();
      if (isSecondStep(found)) {
        this.second = found;
        await this.updateComplete;
        this.code?.focus();
      } else {
        this.services.session.adopt(found);
      }
    } catch (failure) {
      this.problem = problemOf(failure);
      await this.updateComplete;
      (this.code ?? this.password)?.select();
    } finally {
      this.busy = false;
    }
  }

  readonly #again = async (): Promise<void> => {
    this.second = null;
    this.problem = null;
    await this.updateComplete;
    this.email?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-in-page": SignInPage;
  }
}
