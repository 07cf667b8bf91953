/**
 * The frame of every signed-in page: the sidebar, and the page that the address names.
 *
 * On narrow screens the sidebar is a drawer: the page behind it is inert while it is open, and
 * the focus returns to the button that opened it.
 */
import { msg } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import "../health/health-banner";
import "../people/acting-banner";
import "../settings/setup-strip";
import { StoreController } from "../store";
import { HOME } from "../router/routes";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, loadingView } from "../ui/states";
import "./sidebar";
import type { Sidebar } from "./sidebar";
import "./chat-page";

const NARROW = "(max-width: 800px)";

@customElement("soma-workspace")
export class Workspace extends LightElement {
  readonly #router = new StoreController(this);
  readonly #session = new StoreController(this);
  readonly #narrow = matchMedia(NARROW);
  readonly #loaded = new Set<string>();
  #path = "";
  @state() private isNarrow = this.#narrow.matches;
  @state() private drawerOpen = false;
  @query("soma-sidebar") private readonly sidebar!: Sidebar;
  @query(".drawer-button") private readonly drawerButton!: HTMLElement | null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#router.follow(this.services.router);
    this.#session.follow(this.services.session);
    this.#narrow.addEventListener("change", this.#onWidth);
    document.addEventListener("keydown", this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#narrow.removeEventListener("change", this.#onWidth);
    document.removeEventListener("keydown", this.#onKey);
  }

  protected override willUpdate(): void {
    const { path } = this.services.router.state;
    if (path !== this.#path && this.#path !== "") this.drawerOpen = false;
    this.#path = path;
  }

  protected override render(): TemplateResult {
    const covered = this.isNarrow && this.drawerOpen;
    return html`<div class="workspace" ?data-drawer=${covered}>
      <soma-acting-banner></soma-acting-banner>
      <soma-sidebar
        class="sidebar"
        role="complementary"
        aria-label=${msg("Conversations and account")}
        ?inert=${this.isNarrow && !this.drawerOpen}
        @close-drawer=${this.#closeDrawer}
      ></soma-sidebar>
      ${covered
        ? html`<button
            type="button"
            class="scrim"
            aria-label=${msg("Close the list")}
            @click=${this.#closeDrawer}
          ></button>`
        : nothing}
      <div class="page" ?inert=${covered}>
        ${this.isNarrow
          ? html`<button
              type="button"
              class="button button--icon drawer-button"
              aria-label=${msg("Open the list of conversations")}
              aria-expanded=${String(this.drawerOpen)}
              @click=${this.#openDrawer}
            >
              ${ICONS.menu}
            </button>`
          : nothing}
        <soma-health-banner></soma-health-banner>
        ${this.services.router.state.match?.name === "setup"
          ? nothing
          : html`<soma-setup-strip></soma-setup-strip>`}
        ${this.#page()}
      </div>
    </div>`;
  }

  #page(): TemplateResult {
    const { match } = this.services.router.state;
    const { me } = this.services.session.state;
    switch (match?.name) {
      case "chat":
        if (me?.tenant === null) return this.#noTenant();
        return html`<soma-chat-page
          .conversationId=${match.params["conversation"] ?? null}
        ></soma-chat-page>`;
      case "agents":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "agents",
          () => import("./agents-page"),
          () => html`<soma-agents-page
            .agentId=${match.params["agent"] ?? null}
          ></soma-agents-page>`,
        );
      case "cognitive":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "cognitive",
          () => import("./cognitive-page"),
          () => html`<soma-cognitive-page
            .agentId=${match.params["agent"] ?? ""}
          ></soma-cognitive-page>`,
        );
      case "memory":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "memory",
          () => import("./memory-page"),
          () => html`<soma-memory-page></soma-memory-page>`,
        );
      case "memory-detail":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "memory-detail",
          () => import("./memory-detail-page"),
          () => html`<soma-memory-detail-page
            .memoryId=${match.params["memory"] ?? ""}
          ></soma-memory-detail-page>`,
        );
      case "memory-graph":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "memory-graph",
          () => import("./memory-graph-page"),
          () => html`<soma-memory-graph-page></soma-memory-graph-page>`,
        );
      case "policy":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "policy",
          () => import("./policy-page"),
          () => html`<soma-policy-page></soma-policy-page>`,
        );
      case "keys":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "keys",
          () => import("./keys-page"),
          () => html`<soma-keys-page></soma-keys-page>`,
        );
      case "usage":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "usage",
          () => import("./usage-page"),
          () => html`<soma-usage-page></soma-usage-page>`,
        );
      case "playground":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "playground",
          () => import("./playground-page"),
          () => html`<soma-playground-page></soma-playground-page>`,
        );
      case "people":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "people",
          () => import("./people-page"),
          () => html`<soma-people-page></soma-people-page>`,
        );
      case "roles":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "roles",
          () => import("./roles-page"),
          () => html`<soma-roles-page></soma-roles-page>`,
        );
      case "sign-on":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "sign-on",
          () => import("./sign-on-page"),
          () => html`<soma-sign-on-page></soma-sign-on-page>`,
        );
      case "setup":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "setup",
          () => import("./setup-page"),
          () => html`<soma-setup-page></soma-setup-page>`,
        );
      case "audit":
        return this.#lazy(
          "audit",
          () => import("./audit-page"),
          () => html`<soma-audit-page></soma-audit-page>`,
        );
      case "tenants":
        return this.#lazy(
          "tenants",
          () => import("./tenants-page"),
          () => html`<soma-tenants-page></soma-tenants-page>`,
        );
      case "acting":
        return this.#lazy(
          "acting",
          () => import("./acting-page"),
          () => html`<soma-acting-page></soma-acting-page>`,
        );
      case "mode":
        return this.#lazy(
          "mode",
          () => import("./mode-page"),
          () => html`<soma-mode-page></soma-mode-page>`,
        );
      case "providers":
        return this.#lazy(
          "providers",
          () => import("./providers-page"),
          () => html`<soma-providers-page></soma-providers-page>`,
        );
      case "routing":
        if (me?.tenant === null) return this.#noTenant();
        return this.#lazy(
          "routing",
          () => import("./routing-page"),
          () => html`<soma-routing-page></soma-routing-page>`,
        );
      case "platform-routing":
        return this.#lazy(
          "routing",
          () => import("./routing-page"),
          () => html`<soma-routing-page platform></soma-routing-page>`,
        );
      case "spending":
        return this.#lazy(
          "spending",
          () => import("./spending-page"),
          () => html`<soma-spending-page></soma-spending-page>`,
        );
      case "prices":
        return this.#lazy(
          "prices",
          () => import("./prices-page"),
          () => html`<soma-prices-page></soma-prices-page>`,
        );
      case "health":
        return this.#lazy(
          "health",
          () => import("./health-page"),
          () => html`<soma-health-page></soma-health-page>`,
        );
      case "profile":
        return this.#lazy(
          "profile",
          () => import("./profile-page"),
          () => html`<soma-profile-page></soma-profile-page>`,
        );
      case "mails":
        return this.#lazy(
          "mails",
          () => import("./mails-page"),
          () => html`<soma-mails-page></soma-mails-page>`,
        );
      case "events":
        return this.#lazy(
          "events",
          () => import("./events-page"),
          () => html`<soma-events-page></soma-events-page>`,
        );
      default:
        return this.#notFound();
    }
  }

  #lazy(
    name: string,
    load: () => Promise<unknown>,
    render: () => TemplateResult,
  ): TemplateResult {
    if (this.#loaded.has(name)) return render();
    load().then(
      () => {
        this.#loaded.add(name);
        this.requestUpdate();
      },
      () => {
        this.services.toasts.say(
          msg("This page could not be loaded. Reload to get the new version."),
        );
      },
    );
    return html`<main id="main" class="content" tabindex="-1">
      ${loadingView(msg("Loading…"))}
    </main>`;
  }

  #notFound(): TemplateResult {
    document.title = `${msg("Page not found")} · SomaAgent`;
    return html`<main id="main" class="content" tabindex="-1">
      <h1>${msg("Page not found")}</h1>
      ${emptyView(
        msg("There is nothing at this address."),
        msg("The link may be old or mistyped."),
        html`<a class="button button--primary" href=${HOME}>${msg("Go to chat")}</a>`,
      )}
    </main>`;
  }

  #noTenant(): TemplateResult {
    document.title = "SomaAgent";
    return html`<main id="main" class="content" tabindex="-1">
      <h1>${msg("No organisation yet")}</h1>
      ${emptyView(
        msg("You do not belong to an organisation."),
        msg("An administrator can invite you to one; then you can chat here."),
      )}
    </main>`;
  }

  readonly #onWidth = (): void => {
    this.isNarrow = this.#narrow.matches;
    this.drawerOpen = false;
  };

  readonly #openDrawer = async (): Promise<void> => {
    this.drawerOpen = true;
    await this.updateComplete;
    this.sidebar.focusFirst();
  };

  readonly #closeDrawer = async (): Promise<void> => {
    if (!this.drawerOpen) return;
    this.drawerOpen = false;
    await this.updateComplete;
    this.drawerButton?.focus();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && this.drawerOpen && !event.defaultPrevented) {
      void this.#closeDrawer();
      return;
    }
    const isSearch = (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey;
    if (!isSearch || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    void this.#focusSearch();
  };

  async #focusSearch(): Promise<void> {
    if (this.isNarrow) this.drawerOpen = true;
    await this.updateComplete;
    this.sidebar.focusSearch();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-workspace": Workspace;
  }
}
