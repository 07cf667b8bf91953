/** Single sign-on of the organisation: its providers, and the address to register with them. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { EntranceController } from "../identity/entrance";
import { SignOnApi } from "../identity/sign-on-api";
import type { SignOnList, SignOnProvider } from "../identity/sign-on-api";
import { PeopleApi } from "../people/people-api";
import { StoreController } from "../store";
import "../styles/gateway.css";
import "../styles/identity.css";
import "../styles/people.css";
import { copyButton } from "../ui/copy-button";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, reservedView, skeleton } from "../ui/states";
import "./directory-card";
import "./sign-on-card";
import "./sign-on-form";
import type { SignOnForm } from "./sign-on-form";

@customElement("soma-sign-on-page")
export class SignOnPage extends LightElement {
  @state() private list: SignOnList | null = null;
  @state() private titles: ReadonlyMap<string, string> = new Map();
  @state() private problem: Problem | null = null;
  @query("soma-sign-on-form") private readonly form!: SignOnForm;
  @query(".page__act") private readonly addButton!: HTMLElement | null;
  readonly #session = new StoreController(this);
  readonly #entrance = new EntranceController(this, () => this.services.http);
  #api!: SignOnApi;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#api = new SignOnApi(this.services.http);
    this.#session.follow(this.services.session);
    document.title = `${msg("Single sign-on")} · SomaAgent`;
    if (this.services.session.may("tenant.administrate")) void this.#load();
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Single sign-on")}</h1>
        ${this.services.session.may("tenant.manage")
          ? html`<button
              type="button"
              class="button button--primary page__act"
              ?disabled=${this.list === null}
              @click=${() => void this.form.open(null)}
            >
              ${ICONS.add}<span>${msg("Add a provider")}</span>
            </button>`
          : nothing}
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="sign-on-page">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (!this.services.session.may("tenant.administrate")) {
      return reservedView(
        msg("This page is for administrators of the organisation"),
        msg("They decide where its people sign in."),
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    if (this.list === null) return skeleton(4, msg("Loading providers…"));
    const { items, redirect_uri: address } = this.list;
    const { elsewhere } = this.#entrance;
    return html`${elsewhere === null
        ? nothing
        : html`<p class="notice" role="note">
            ${msg(
              str`Providers have no effect here: people sign in with ${elsewhere.name}, which keeps all accounts of this platform. Ask its administrators to add your company’s directory there.`,
            )}
          </p>`}
      <section class="card security" aria-labelledby="register-title">
        <h2 class="card__title" id="register-title">${msg("What to register at the provider")}</h2>
        <p>
          ${msg("A confidential client with authorization code and PKCE, which sends people back to this address:")}
        </p>
        <div class="security__item">
          <code data-testid="redirect-uri">${address}</code>
          ${copyButton(this.services.toasts, address, msg("Copy the address"))}
        </div>
        <p class="hint">
          ${msg("SAML comes through Keycloak: let a Keycloak speak SAML with your company’s directory, and add that Keycloak here as OpenID Connect.")}
        </p>
      </section>
      ${items.length === 0
        ? emptyView(
            msg("No provider yet"),
            msg("With one, people of your domains sign in where your company keeps them, and become members when they first come."),
          )
        : html`<div class="cards">
            ${repeat(items, ({ id }) => id, (one) => this.#card(one))}
          </div>`}
      <soma-directory-card
        .api=${this.#api}
        .roles=${this.list.default_roles}
        .titles=${this.titles}
        ?readonly=${!this.services.session.may("tenant.manage")}
      ></soma-directory-card>
      <soma-sign-on-form
        .api=${this.#api}
        .roles=${this.list.default_roles}
        .titles=${this.titles}
        @sign-on-saved=${this.#saved}
      ></soma-sign-on-form>`;
  }

  #card(provider: SignOnProvider): TemplateResult {
    return html`<soma-sign-on-card
      .api=${this.#api}
      .provider=${provider}
      .roleTitle=${this.titles.get(provider.default_role) ?? provider.default_role}
      ?readonly=${!this.services.session.may("tenant.manage")}
      @sign-on-edit=${() => void this.form.open(provider)}
      @sign-on-changed=${this.#load}
      @sign-on-removed=${this.#removed}
    ></soma-sign-on-card>`;
  }

  readonly #load = async (): Promise<void> => {
    this.problem = null;
    try {
      const [list, roles] = await Promise.all([
        this.#api.providers(),
        new PeopleApi(this.services.http).roles(),
      ]);
      const system = roles.items.filter(({ role_id: id }) => id === null);
      this.titles = new Map(system.map(({ name, title }) => [name, title]));
      this.list = list;
    } catch (failure) {
      this.problem = problemOf(failure);
    }
  };

  readonly #saved = async (event: CustomEvent<SignOnProvider>): Promise<void> => {
    this.services.toasts.say(msg(str`${event.detail.name} is saved.`));
    await this.#load();
  };

  readonly #removed = async (): Promise<void> => {
    await this.#load();
    this.addButton?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sign-on-page": SignOnPage;
  }
}
