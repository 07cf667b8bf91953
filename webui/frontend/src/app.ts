/**
 * The root: who is signed in decides between sign-in, password change and the workspace.
 *
 * Pages are imported on first need, so that the first load stays small. Owns the document's
 * title, the skip link, the live region and the toasts.
 */
import { ContextProvider } from "@lit/context";
import { msg } from "@lit/localize";
import { LitElement, html } from "lit";
import type { TemplateResult , nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { destination, detour } from "./router/detour";
import { OPEN_PAGES, PASSWORD, PROFILE, SIGN_IN } from "./router/routes";
import "./identity/soma-step-up";
import { createServices, servicesContext } from "./services";
import { StoreController } from "./store";
import "./ui/soma-toasts";
import { loadingView, problemView } from "./ui/states";

const PAGES = {
  "sign-in": () => import("./pages/sign-in-page"),
  password: () => import("./pages/password-page"),
  forgotten: () => import("./pages/forgotten-page"),
  register: () => import("./pages/register-page"),
  reset: () => import("./pages/reset-page"),
  invitation: () => import("./pages/invitation-page"),
  confirm: () => import("./pages/confirm-page"),
  authorize: () => import("./pages/authorize-page"),
  workspace: () => import("./pages/workspace"),
} as const;

@customElement("soma-app")
export class SomaApp extends LitElement {
  readonly #services = createServices();
  readonly #loaded = new Set<string>();
  @state() private failedPage = false;

  constructor() {
    super();
    const { announcer, router, session } = this.#services;
    for (const store of [announcer, router, session]) new StoreController(this, store);
    new ContextProvider(this, { context: servicesContext, initialValue: this.#services });
  }

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { router, session } = this.#services;
    router.start();
    router.addEventListener("change", this.#settle);
    session.addEventListener("change", this.#settle);
    void session.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    const { hub, router, session } = this.#services;
    router.stop();
    router.removeEventListener("change", this.#settle);
    session.removeEventListener("change", this.#settle);
    hub.stop();
  }

  /**
   * Starts or stops what is live, and sends people to where they may be. The address keeps where
   * they wanted to go.
   */
  readonly #settle = (): void => {
    const { hub, router, session, toasts } = this.#services;
    const { phase, me } = session.state;
    const required = this.#required();
    if (required !== null) {
      hub.stop();
      if (phase === "anonymous") toasts.clear();
      const mayStay = router.state.path === required || (required !== PASSWORD && this.#isOpen());
      if (!mayStay) router.go(detour(required, destination()), { replace: true });
      return;
    }
    if (phase !== "signed-in" || this.#isOpen()) return;
    if (me?.tenant != null) hub.start();
    if (router.state.path === SIGN_IN) router.go(destination(), { replace: true });
  };

  /** What the person has to do before all else: its page. */
  #required(): string | null {
    const { phase, me } = this.#services.session.state;
    if (phase === "anonymous") return SIGN_IN;
    if (phase !== "signed-in" || me === null) return null;
    if (me.must_change_password) return PASSWORD;
    return me.must_enrol ? PROFILE : null;
  }

  protected override render(): TemplateResult {
    return html`
      <a class="skip-link" href="#main">${msg("Skip to content")}</a>
      ${this.#page()}
      <soma-toasts></soma-toasts>
      <soma-step-up></soma-step-up>
      <div class="visually-hidden" aria-live="polite" data-testid="announcements">
        ${repeat(
          this.#services.announcer.state.lines,
          (line) => line.id,
          (line) => html`<p>${line.text}</p>`,
        )}
      </div>
    `;
  }

  #page(): TemplateResult {
    const { session, router } = this.#services;
    const { phase, me, problem } = session.state;
    if (phase === "loading") return this.#centred(loadingView(msg("Loading…")));
    const open = this.#openPage();
    if (open !== null) return open;
    if (phase === "error" && problem !== null) {
      return this.#centred(problemView(problem, () => void session.load()));
    }
    if (phase !== "signed-in" || me === null) {
      return this.#need("sign-in", () => html`<soma-sign-in-page></soma-sign-in-page>`);
    }
    if (me.must_change_password || router.state.match?.name === "password") {
      return this.#need("password", () => html`<soma-password-page></soma-password-page>`);
    }
    if (router.state.match?.name === "authorize") {
      return this.#need("authorize", () => html`<soma-authorize-page></soma-authorize-page>`);
    }
    return this.#need("workspace", () => html`<soma-workspace></soma-workspace>`);
  }

  #isOpen(): boolean {
    return OPEN_PAGES.includes(this.#services.router.state.match?.name ?? "");
  }

  /** Pages that need no session: those of links in mails. */
  #openPage(): TemplateResult | null {
    switch (this.#services.router.state.match?.name) {
      case "forgotten":
        return this.#need("forgotten", () => html`<soma-forgotten-page></soma-forgotten-page>`);
      case "register":
        return this.#need("register", () => html`<soma-register-page></soma-register-page>`);
      case "reset":
        return this.#need("reset", () => html`<soma-reset-page></soma-reset-page>`);
      case "invitation":
        return this.#need("invitation", () => html`<soma-invitation-page></soma-invitation-page>`);
      case "confirm-email":
      case "confirm-account":
        return this.#need("confirm", () => html`<soma-confirm-page></soma-confirm-page>`);
      default:
        return null;
    }
  }

  #need(name: keyof typeof PAGES, render: () => TemplateResult): TemplateResult {
    if (this.#loaded.has(name)) return render();
    if (!this.failedPage) void this.#load(name);
    return this.#centred(
      this.failedPage
        ? html`<div class="problem" role="alert">
            <p class="problem__title">${msg("This page could not be loaded")}</p>
            <p>${msg("The interface may have been updated. Reload to get the new version.")}</p>
            <button type="button" class="button" @click=${() => { location.reload(); }}>
              ${msg("Reload")}
            </button>
          </div>`
        : loadingView(msg("Loading…")),
    );
  }

  async #load(name: keyof typeof PAGES): Promise<void> {
    try {
      await PAGES[name]();
      this.#loaded.add(name);
      this.requestUpdate();
    } catch {
      this.failedPage = true;
    }
  }

  #centred(body: TemplateResult | typeof nothing): TemplateResult {
    return html`<main id="main" class="centred">${body}</main>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-app": SomaApp;
  }
}
