/** Where one is signed in, with a button to end each; and who tried to. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { Busy } from "../ui/busy";
import { LightElement } from "../ui/light-element";
import { Loaded } from "../ui/loaded";
import { skeleton } from "../ui/states";
import { clockTime, dayOf, exactTime } from "../ui/times";
import { deviceName } from "./device";
import { IdentityApi } from "./identity-api";
import type { Attempt, Session } from "./identity-api";

@customElement("soma-sessions")
export class SessionsView extends LightElement {
  readonly #loaded = new Loaded(this, () =>
    Promise.all([this.#api.sessions(), this.#api.history()]),
  );
  readonly #busy = new Busy(this, () => this.services.toasts);

  get #api(): IdentityApi {
    return new IdentityApi(this.services.http);
  }

  protected override render(): TemplateResult | typeof nothing {
    return this.#loaded.view(
      ([sessions, history]) => this.#lists(sessions.items, history.items),
      () => skeleton(4, msg("Loading sessions…")),
    );
  }

  #lists(sessions: readonly Session[], attempts: readonly Attempt[]): TemplateResult {
    return html`<section class="card security" aria-labelledby="sessions-title">
        <h2 class="card__title" id="sessions-title" tabindex="-1">${msg("Where you are signed in")}</h2>
        <ul class="security__list" data-testid="sessions">
          ${repeat(sessions, ({ id }) => id, (one) => this.#session(one))}
        </ul>
        ${sessions.length > 1
          ? html`<div class="row">
              <button
                type="button"
                class="button"
                ?disabled=${this.#busy.now}
                @click=${() => void this.#endOthers()}
              >
                ${msg("Sign out everywhere else")}
              </button>
            </div>`
          : nothing}
      </section>
      <section class="card security" aria-labelledby="history-title">
        <h2 class="card__title" id="history-title">${msg("Sign-ins of the last 30 days")}</h2>
        <ul class="security__list" data-testid="history">
          ${attempts.map(
            (one) => html`<li class="security__item">
              <span>${deviceName(one.user_agent)} <span class="muted">${one.address}</span></span>
              <span title=${exactTime(one.at)}>
                ${one.succeeded ? nothing : html`<span class="tag">${msg("refused")}</span>`}
                ${dayOf(one.at)} ${clockTime(one.at)}
              </span>
            </li>`,
          )}
        </ul>
      </section>`;
  }

  #session(one: Session): TemplateResult {
    const name =
      one.acted_by === "" ? deviceName(one.user_agent) : msg(str`${one.acted_by}, acting as you`);
    return html`<li class="security__item">
      <span>
        ${name}
        <span class="muted" title=${exactTime(one.last_seen_at)}>
          ${one.address ?? ""} ${msg(str`last used ${dayOf(one.last_seen_at)} ${clockTime(one.last_seen_at)}`)}
        </span>
      </span>
      ${one.is_current
        ? html`<span class="tag tag--accent">${msg("here")}</span>`
        : html`<button
            type="button"
            class="button button--small"
            aria-label=${msg(str`Sign out ${name}`)}
            ?disabled=${this.#busy.now}
            @click=${() => void this.#end(one)}
          >
            ${msg("Sign out")}
          </button>`}
    </li>`;
  }

  #end(one: Session): Promise<void> {
    return this.#busy.run(async () => {
      await this.#api.endSession(one.id);
      await this.#ended(msg(str`${deviceName(one.user_agent)} is signed out.`));
    });
  }

  #endOthers(): Promise<void> {
    return this.#busy.run(async () => {
      const { count } = await this.#api.endOthers();
      await this.#ended(msg(str`Signed out elsewhere: ${count}.`));
    });
  }

  async #ended(said: string): Promise<void> {
    this.services.toasts.say(said);
    await this.#loaded.load();
    await this.updateComplete;
    this.querySelector<HTMLElement>("#sessions-title")?.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sessions": SessionsView;
  }
}
