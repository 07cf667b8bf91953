/** Profile and security: how one is called, the address, the password, factors and sessions. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import type { Me } from "../api/types";
import "../identity/soma-consents";
import "../identity/soma-factors";
import "../identity/soma-sessions";
import { EntranceController, keptThere } from "../identity/entrance";
import type { Entrance } from "../identity/entrance";
import { IdentityApi } from "../identity/identity-api";
import { detour } from "../router/detour";
import { PASSWORD, PROFILE } from "../router/routes";
import { StoreController } from "../store";
import "../styles/identity.css";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";

@customElement("soma-profile-page")
export class ProfilePage extends LightElement {
  readonly #session = new StoreController(this);
  readonly #entrance = new EntranceController(this, () => this.services.http);
  readonly #busy = new Busy(this, () => this.services.toasts);
  #api!: IdentityApi;

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Profile and security")} · SomaAgent`;
    this.#session.follow(this.services.session);
    this.#api = new IdentityApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { me } = this.services.session.state;
    if (me === null || this.#entrance.known === null) return nothing;
    const { elsewhere } = this.#entrance;
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Profile and security")}</h1>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="profile-page">
        ${me.must_enrol
          ? html`<p class="notice" role="status">
              ${elsewhere === null
                ? msg("Your organisation asks for a second factor. Set up an app or a passkey to go on.")
                : msg(
                    str`Your organisation asks for a second factor. Set one up in ${elsewhere.name}, then sign in again.`,
                  )}
            </p>`
          : nothing}
        ${this.#person(me, elsewhere)}
        ${elsewhere === null ? html`<soma-factors class="security"></soma-factors>` : nothing}
        <soma-consents class="security"></soma-consents>
        <soma-sessions class="security"></soma-sessions>
      </main>`;
  }

  #person(me: Me, elsewhere: Entrance | null): TemplateResult {
    return html`<section class="card security" aria-labelledby="person-title">
      <h2 class="card__title" id="person-title">${msg("You")}</h2>
      <form
        class="row"
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#rename(event.target as HTMLFormElement);
        }}
      >
        <label class="field">
          <span class="field__label">${msg("Name")}</span>
          <input
            class="input"
            name="name"
            maxlength="200"
            autocomplete="name"
            required
            .defaultValue=${me.user.display_name}
          />
        </label>
        <button type="submit" class="button" ?disabled=${this.#busy.now}>${msg("Save")}</button>
      </form>
      ${elsewhere === null ? this.#ownAccount(me) : keptThere(elsewhere)}
    </section>`;
  }

  /** The address and the password, where they are kept here. */
  #ownAccount(me: Me): TemplateResult {
    return html`<form
        class="row"
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#moveTo(event.target as HTMLFormElement);
        }}
      >
        <label class="field">
          <span class="field__label">${msg("E-mail")}</span>
          <input
            class="input"
            name="email"
            type="email"
            maxlength="254"
            autocomplete="email"
            required
            .defaultValue=${me.user.email}
          />
        </label>
        <button type="submit" class="button" ?disabled=${this.#busy.now}>
          ${msg("Change address")}
        </button>
      </form>
      <div class="row">
        <a class="button" href=${detour(PASSWORD, PROFILE)}>${msg("Change password")}</a>
      </div>`;
  }

  #rename(form: HTMLFormElement): Promise<void> {
    return this.#busy.run(async () => {
      this.services.session.adopt(await this.#api.rename(field(form, "name")));
      this.services.toasts.say(msg("Saved."));
    });
  }

  #moveTo(form: HTMLFormElement): Promise<void> {
    return this.#busy.run(async () => {
      const email = field(form, "email");
      await this.#api.askEmail(email);
      this.services.toasts.say(
        msg(str`Links were sent to your present address and to ${email}. Follow both.`),
      );
    });
  }
}

function field(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value.trim() : "";
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-profile-page": ProfilePage;
  }
}
