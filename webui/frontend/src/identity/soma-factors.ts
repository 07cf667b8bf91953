/** The authenticator app, its recovery codes, and passkeys: what is set up, and how to change it. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Problem } from "../api/types";
import { destination } from "../router/detour";
import { PROFILE } from "../router/routes";
import { Busy } from "../ui/busy";
import { copyText } from "../ui/clipboard";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { problemView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";
import { IdentityApi } from "./identity-api";
import type { AppSetup, Factors, Passkey } from "./identity-api";
import { hasPasskeys, makePasskey } from "./passkey";

@customElement("soma-factors")
export class FactorsView extends LightElement {
  readonly #loaded = new Loaded(this, () =>
    Promise.all([this.#api.factors(), this.#api.passkeys()]),
  );
  @state() private setup: AppSetup | null = null;
  @state() private codes: readonly string[] | null = null;
  @state() private codeProblem: Problem | null = null;
  @query("#app-code") private readonly code!: HTMLInputElement;
  @query("#passkey-name") private readonly passkeyName!: HTMLInputElement;
  @query("#codes") private readonly codesNote!: HTMLElement | null;
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): IdentityApi {
    return new IdentityApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#loaded.view(
      ([factors, passkeys]) =>
        html`${this.#newCodes()} ${this.#wayOn()} ${this.#app(factors)} ${this.#keys(passkeys.items)}
        ${this.#recovery(factors)}`,
      () => skeleton(4, msg("Loading second factors…")),
    );
  }

  #newCodes(): TemplateResult | typeof nothing {
    const { codes } = this;
    if (codes === null) return nothing;
    return html`<section class="card security" id="codes" tabindex="-1" data-testid="codes">
      <h2 class="card__title">${msg("Your recovery codes")}</h2>
      <p>
        ${msg("Each works once, when your phone or passkey is not at hand. Keep them now: nobody can read them again.")}
      </p>
      <ul class="security__codes">
        ${codes.map((code) => html`<li><code>${code}</code></li>`)}
      </ul>
      <div class="row">
        <button type="button" class="button" @click=${() => void this.#copy(codes)}>
          ${msg("Copy")}
        </button>
        <button
          type="button"
          class="button button--primary"
          @click=${this.#goOn}
        >
          ${msg("I have kept them")}
        </button>
      </div>
    </section>`;
  }

  /** For whoever had to set up a factor on the way to another page, and opened this one anew. */
  #wayOn(): TemplateResult | typeof nothing {
    const isHeld = this.services.session.state.me?.must_enrol === true;
    if (isHeld || this.codes !== null || destination() === PROFILE) return nothing;
    return html`<p class="notice" role="status">
      ${msg("A second factor is set up.")}
      <a href=${destination()}>${msg("Go on to where you were")}</a>
    </p>`;
  }

  #app(factors: Factors): TemplateResult {
    const since = factors.app_since;
    return html`<section class="card security" aria-labelledby="app-title">
      <h2 class="card__title" id="app-title">${msg("Authenticator app")}</h2>
      ${this.setup === null
        ? html`<p>
              ${since === null
                ? msg("An app on your phone shows a code that is asked for after your password.")
                : html`<span title=${exactTime(since)}>${msg(str`Set up ${dayOf(since)}.`)}</span>`}
            </p>
            <div class="row">
              ${since === null
                ? html`<button
                    type="button"
                    class="button button--primary"
                    ?disabled=${this.#busy.now}
                    @click=${() => void this.#begin()}
                  >
                    ${msg("Set up an app")}
                  </button>`
                : html`<button
                    type="button"
                    class="button button--danger"
                    ?disabled=${this.#busy.now}
                    @click=${() => void this.#removeApp()}
                  >
                    ${msg("Remove the app")}
                  </button>`}
            </div>`
        : this.#setupForm(this.setup)}
    </section>`;
  }

  #setupForm(setup: AppSetup): TemplateResult {
    return html`<form
      class="security"
      data-testid="app-setup"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#confirm();
      }}
    >
      <p>${msg("Scan this with your app, or type the key into it.")}</p>
      <img class="security__qr" src=${setup.picture} alt=${msg("QR code of the key below")} />
      <p><code data-testid="app-secret" class="gateway__secret">${setup.secret}</code></p>
      ${this.codeProblem === null ? nothing : problemView(this.codeProblem)}
      <label class="field">
        <span class="field__label">${msg("Code that the app shows")}</span>
        <input
          id="app-code"
          class="input"
          inputmode="numeric"
          autocomplete="one-time-code"
          maxlength="8"
          required
        />
      </label>
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.#busy.now}>
          ${msg("Use this app")}
        </button>
        <button
          type="button"
          class="button"
          @click=${() => {
            this.setup = null;
          }}
        >
          ${msg("Cancel")}
        </button>
      </div>
    </form>`;
  }

  #keys(passkeys: readonly Passkey[]): TemplateResult {
    return html`<section class="card security" aria-labelledby="passkeys-title">
      <h2 class="card__title" id="passkeys-title">${msg("Passkeys")}</h2>
      ${passkeys.length === 0
        ? html`<p>${msg("Sign in with your fingerprint, face or a security key, without a password.")}</p>`
        : html`<ul class="security__list">
            ${repeat(passkeys, ({ id }) => id, (key) => this.#key(key))}
          </ul>`}
      ${hasPasskeys() ? this.#newKey() : this.#noKeys()}
    </section>`;
  }

  #key(key: Passkey): TemplateResult {
    const used = key.last_used_at;
    return html`<li class="security__item">
      <span>
        ${key.name}
        <span class="muted">
          ${used === null ? msg("not used yet") : msg(str`last used ${dayOf(used)}`)}
        </span>
      </span>
      <button
        type="button"
        class="button button--small button--danger"
        aria-label=${msg(str`Remove the passkey ${key.name}`)}
        ?disabled=${this.#busy.now}
        @click=${() => void this.#removePasskey(key)}
      >
        ${msg("Remove")}
      </button>
    </li>`;
  }

  #newKey(): TemplateResult {
    return html`<form
      class="row"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#addPasskey();
      }}
    >
      <label class="field">
        <span class="field__label">${msg("Name of a new passkey")}</span>
        <input id="passkey-name" class="input" maxlength="100" autocomplete="off" required />
      </label>
      <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Add a passkey")}</button>
    </form>`;
  }

  #noKeys(): TemplateResult {
    return html`<p class="muted">
      ${msg("Browsers allow passkeys at a name only, not at an address of numbers.")}
      ${location.hostname === "127.0.0.1"
        ? html`<a href=${`//localhost:${location.port}${location.pathname}${location.search}`}>${msg("Open it as localhost")}</a>`
        : nothing}
    </p>`;
  }

  #recovery(factors: Factors): TemplateResult | typeof nothing {
    if (factors.methods.length === 0) return nothing;
    return html`<section class="card security" aria-labelledby="recovery-title">
      <h2 class="card__title" id="recovery-title">${msg("Recovery codes")}</h2>
      <p>${msg(str`${factors.recovery_codes_left} of them are left.`)}</p>
      <div class="row">
        <button
          type="button"
          class="button"
          ?disabled=${this.#busy.now}
          @click=${() => void this.#renewCodes()}
        >
          ${msg("Make new ones")}
        </button>
      </div>
    </section>`;
  }

  readonly #goOn = (): void => {
    this.codes = null;
    this.services.router.go(destination());
  };

  #begin(): Promise<void> {
    return this.#busy.run(async () => {
      this.codeProblem = null;
      this.setup = await this.#api.beginApp();
      await this.updateComplete;
      this.code.focus();
    });
  }

  #confirm(): Promise<void> {
    this.codeProblem = null;
    return this.#busy.run(
      async () => {
        const { codes } = await this.#api.confirmApp(this.code.value);
        this.setup = null;
        this.services.toasts.say(msg("From now on a code is asked for after your password."));
        await this.#changed(codes);
      },
      (problem) => {
        this.codeProblem = problem;
      },
    );
  }

  #removeApp(): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.removeApp();
      this.services.toasts.say(msg("The app is no longer asked for."));
      await this.#changed([]);
    });
  }

  #addPasskey(): Promise<void> {
    return this.#busy.run(async () => {
      const name = this.passkeyName.value.trim();
      const asked = await this.#api.askNewPasskey();
      const made = await makePasskey(asked);
      const { codes } = await this.#api.addPasskey(asked.challenge, made, name);
      this.passkeyName.value = "";
      this.services.toasts.say(msg(str`${name} was added.`));
      await this.#changed(codes);
    });
  }

  #removePasskey(key: Passkey): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.removePasskey(key.id);
      this.services.toasts.say(msg(str`${key.name} was removed.`));
      await this.#changed([]);
    });
  }

  #renewCodes(): Promise<void> {
    return this.#busy.run(async () => {
      await this.#changed((await this.#api.newCodes()).codes);
    });
  }

  /** Shows what is set up now; fresh codes stay until they are put away. */
  async #changed(codes: readonly string[]): Promise<void> {
    if (codes.length > 0) this.codes = codes;
    await Promise.all([this.#loaded.load(), this.services.session.refresh()]);
    await this.updateComplete;
    if (codes.length > 0) this.codesNote?.focus();
  }

  async #copy(codes: readonly string[]): Promise<void> {
    const done = await copyText(codes.join("\n"));
    this.services.toasts.say(done ? msg("Copied.") : msg("It could not be copied: select it by hand."));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-factors": FactorsView;
  }
}
