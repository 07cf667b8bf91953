/** The sidebar: new conversation, search, the list, and the account menu. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query } from "lit/decorators.js";
import { problemOf } from "../api/http";
import {
  ACTING,
  AUDIT,
  EVENTS,
  HEALTH,
  HOME,
  KEYS,
  MAILS,
  MEMORY,
  MODE,
  PEOPLE,
  PLATFORM_ROUTING,
  PLAYGROUND,
  PRICES,
  PROFILE,
  ROUTING,
  SETUP,
  SIGN_ON,
  SPENDING,
  TENANTS,
  USAGE,
} from "../router/routes";
import "../settings/mode-badge";
import { StoreController } from "../store";
import { brand } from "../ui/brand";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import "../ui/soma-menu";
import type { MenuItem } from "../ui/soma-menu";
import { THEME_CHOICES } from "../ui/theme";
import type { ThemeChoice } from "../ui/theme";
import "./conversation-list";

const SEARCH_KEY = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ K" : "Ctrl K";

function themeLabel(choice: ThemeChoice): string {
  switch (choice) {
    case "system":
      return msg("Theme: as the system");
    case "light":
      return msg("Theme: light");
    case "dark":
      return msg("Theme: dark");
    case "contrast":
      return msg("Theme: high contrast");
  }
}

@customElement("soma-sidebar")
export class Sidebar extends LightElement {
  readonly #list = new StoreController(this);
  readonly #session = new StoreController(this);
  readonly #theme = new StoreController(this);
  readonly #router = new StoreController(this);
  @query("#search") private readonly searchField!: HTMLInputElement | null;
  @query(".sidebar__new") private readonly newLink!: HTMLElement | null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#list.follow(this.services.hub.list);
    this.#session.follow(this.services.session);
    this.#theme.follow(this.services.theme);
    this.#router.follow(this.services.router);
  }

  focusSearch(): void {
    this.searchField?.focus();
    this.searchField?.select();
  }

  focusFirst(): void {
    this.newLink?.focus();
  }

  protected override render(): TemplateResult {
    const { me } = this.services.session.state;
    return html`
      <div class="sidebar__head">
        <a class="sidebar__home" href=${HOME} aria-label=${msg("SomaAgent, start page")}>
          ${brand()}
        </a>
        <soma-mode-badge></soma-mode-badge>
      </div>
      ${me?.tenant === null ? html`<div class="sidebar__list"></div>` : this.#conversations()}
      <div class="sidebar__foot">${this.#account()}</div>
    `;
  }

  #conversations(): TemplateResult {
    const { q, archived } = this.services.hub.list.state;
    return html`
      <div class="sidebar__tools">
        <a class="button button--wide sidebar__new" href=${HOME}>
          ${ICONS.add}<span>${msg("New conversation")}</span>
        </a>
        <a
          class="button button--quiet button--wide sidebar__memory"
          href=${MEMORY}
          aria-current=${this.#isIn("memory") ? "page" : nothing}
        >
          ${ICONS.memory}<span>${msg("Memory")}</span>
        </a>
        <search class="search">
          ${ICONS.search}
          <input
            id="search"
            type="search"
            class="input search__input"
            aria-label=${msg("Search conversations")}
            aria-keyshortcuts="Control+K Meta+K"
            placeholder=${msg("Search")}
            autocomplete="off"
            .value=${q}
            @input=${this.#onSearch}
            @keydown=${this.#onSearchKey}
          />
          <kbd class="search__key" aria-hidden="true">${SEARCH_KEY}</kbd>
        </search>
        <div class="tabs" role="group" aria-label=${msg("Which conversations")}>
          ${this.#tab(false, msg("Active"), archived)} ${this.#tab(true, msg("Archived"), archived)}
        </div>
      </div>
      <nav class="sidebar__list" aria-label=${msg("Conversations")}>
        <soma-conversation-list></soma-conversation-list>
      </nav>
    `;
  }

  #isIn(part: string): boolean {
    return this.services.router.state.match?.name.startsWith(part) ?? false;
  }

  #tab(value: boolean, label: string, current: boolean): TemplateResult {
    return html`<button
      type="button"
      class="tabs__tab"
      aria-pressed=${String(value === current)}
      @click=${() => {
        this.services.hub.list.showArchived(value);
      }}
    >
      ${label}
    </button>`;
  }

  #account(): TemplateResult {
    const { me } = this.services.session.state;
    const name = me === null || me.user.display_name === "" ? (me?.user.email ?? "") : me.user.display_name;
    const initial = name.charAt(0).toUpperCase();
    return html`<soma-menu
      .faceClass=${"account"}
      .faceNames=${true}
      .label=${msg(str`Account of ${name}`)}
      .items=${this.#accountItems()}
      .face=${html`<span class="account__initial" aria-hidden="true">${initial}</span>
        <span class="account__text">
          <span class="account__name">${name}</span>
          ${me?.tenant === null
            ? nothing
            : html`<span class="account__tenant">${me?.tenant.name}</span>`}
          <span class="visually-hidden">${msg("account menu")}</span>
        </span>
        ${ICONS.more}`}
    ></soma-menu>`;
  }

  #accountItems(): (MenuItem | "line")[] {
    const { session, theme } = this.services;
    const { me } = session.state;
    const others = me?.memberships.filter(({ tenant }) => tenant.id !== me.tenant?.id) ?? [];
    const items: (MenuItem | "line")[] = [];
    if (me?.tenant !== null) {
      items.push({ label: msg("Agents"), href: "/agents" });
      items.push({ label: msg("Usage"), href: USAGE });
    }
    if (session.may("tenant.use")) {
      if (!session.isActedFor) items.push({ label: msg("Keys"), href: KEYS });
      items.push({ label: msg("Playground"), href: PLAYGROUND });
    }
    if (session.may("tenant.see_people")) {
      items.push({ label: msg("People"), href: PEOPLE });
    }
    if (session.isPlatformAdmin || session.may("tenant.see_audit")) {
      items.push({ label: msg("Audit log"), href: AUDIT });
    }
    if (me?.tenant !== null && session.may("tenant.administrate")) {
      items.push({ label: msg("Set up the organisation"), href: SETUP });
      items.push({ label: msg("Choice of models"), href: ROUTING });
      if (!session.isActedFor) items.push({ label: msg("Single sign-on"), href: SIGN_ON });
    }
    if (session.isPlatformAdmin) {
      items.push({ label: msg("Organisations"), href: TENANTS });
      items.push({ label: msg("Acting as somebody"), href: ACTING });
      items.push({ label: msg("Models and providers"), href: "/platform/providers" });
      items.push({ label: msg("Models and prices"), href: PRICES });
      items.push({ label: msg("Choice of models, all"), href: PLATFORM_ROUTING });
      items.push({ label: msg("Spending"), href: SPENDING });
      items.push({ label: msg("Health"), href: HEALTH });
      items.push({ label: msg("Events"), href: EVENTS });
      items.push({ label: msg("Outbox of mails"), href: MAILS });
    }
    if (session.isPlatformAdmin || session.may("tenant.manage")) {
      items.push({ label: msg("Mode"), href: MODE });
    }
    if (!session.isActedFor) items.push({ label: msg("Profile and security"), href: PROFILE });
    items.push("line");
    for (const choice of THEME_CHOICES) {
      items.push({
        label: themeLabel(choice),
        checked: theme.state.choice === choice,
        ...(theme.state.choice === choice ? { icon: ICONS.check } : {}),
        act: () => {
          theme.choose(choice);
        },
      });
    }
    items.push("line");
    for (const { tenant } of others) {
      items.push({
        label: msg(str`Switch to ${tenant.name}`),
        act: () => void this.#switchTenant(tenant.id),
      });
    }
    // asvs: 7.4.4
    items.push({ label: msg("Sign out"), act: () => void this.#signOut() });
    return items;
  }

  readonly #onSearch = (event: InputEvent): void => {
    this.services.hub.list.search((event.target as HTMLInputElement).value);
  };

  readonly #onSearchKey = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.querySelector<HTMLElement>(".conversation__link")?.focus();
    }
    if (event.key === "Escape" && this.services.hub.list.state.q !== "") {
      event.preventDefault();
      this.services.hub.list.search("");
    }
  };

  async #switchTenant(tenantId: string): Promise<void> {
    const { session, hub, router, toasts, unfinished } = this.services;
    try {
      await unfinished.finish();
      await session.switchTenant(tenantId);
      hub.stop();
      hub.start();
      router.go(HOME);
    } catch (failure) {
      toasts.problem(problemOf(failure));
    }
  }

  async #signOut(): Promise<void> {
    const { session, hub, toasts, unfinished } = this.services;
    try {
      await unfinished.finish();
      await session.signOut(() => {
        // Asked for by choice: what was typed must not stay on a shared machine.
        hub.drafts.clear();
        hub.outbox.clear();
      });
    } catch (failure) {
      toasts.problem(problemOf(failure));
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-sidebar": Sidebar;
  }
}
