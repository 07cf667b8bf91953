/**
 * The conversations, newest activity first, under headings of age; with search snippets,
 * renaming in place, archive and delete with undo, and pages that load while scrolling.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Conversation } from "../api/types";
import { snippetParts } from "../content/snippet";
import { HOME, conversationPath } from "../router/routes";
import { StoreController } from "../store";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import "../ui/soma-menu";
import type { MenuItem } from "../ui/soma-menu";
import { emptyView, problemView, skeleton } from "../ui/states";
import { ageGroup, exactTime } from "../ui/times";
import type { AgeGroup } from "../ui/times";

function groupLabel(group: AgeGroup): string {
  switch (group) {
    case "today":
      return msg("Today");
    case "yesterday":
      return msg("Yesterday");
    case "week":
      return msg("Last 7 days");
    case "month":
      return msg("Last 30 days");
    case "older":
      return msg("Older");
  }
}

function titleOf(conversation: Conversation): string {
  return conversation.title ?? msg("Untitled");
}

@customElement("soma-conversation-list")
export class ConversationList extends LightElement {
  readonly #list = new StoreController(this);
  readonly #router = new StoreController(this);
  @state() private renaming: string | null = null;
  @query(".list-end") private readonly end!: HTMLElement | null;
  #observer: IntersectionObserver | null = null;
  #observed: HTMLElement | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#list.follow(this.services.hub.list);
    this.#router.follow(this.services.router);
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void this.services.hub.list.loadMore();
      },
      { rootMargin: "240px" },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer?.disconnect();
    this.#observer = null;
    this.#observed = null;
  }

  protected override updated(): void {
    if (this.end === this.#observed) return;
    this.#observer?.disconnect();
    this.#observed = this.end;
    if (this.end !== null) this.#observer?.observe(this.end);
  }

  protected override render(): TemplateResult {
    const { phase, items, problem, q, archived, searching } = this.services.hub.list.state;
    if (phase === "error" && problem !== null) {
      return problemView(problem, () => void this.services.hub.list.load());
    }
    if (phase === "loading") return skeleton(6, msg("Loading conversations…"));
    if (items.length === 0 && !searching) return this.#empty(q, archived);
    return html`
      <p class="visually-hidden" role="status">
        ${q === "" || searching ? nothing : msg(str`${items.length} conversations found`)}
      </p>
      <ul class="conversations" data-testid="conversation-list" aria-busy=${String(searching)}>
        ${repeat(
          this.#withHeadings(items, q === ""),
          (entry) => (typeof entry === "string" ? entry : entry.id),
          (entry) => (typeof entry === "string" ? this.#heading(entry) : this.#item(entry)),
        )}
      </ul>
      ${this.#end()}
    `;
  }

  #withHeadings(items: readonly Conversation[], grouped: boolean): (AgeGroup | Conversation)[] {
    if (!grouped) return [...items];
    const entries: (AgeGroup | Conversation)[] = [];
    let last: AgeGroup | null = null;
    for (const item of items) {
      const group = ageGroup(item.updated_at);
      // Clocks differ: a heading never appears twice.
      if (group !== last && !entries.includes(group)) entries.push(group);
      last = group;
      entries.push(item);
    }
    return entries;
  }

  #heading(group: AgeGroup): TemplateResult {
    return html`<li class="conversations__group">${groupLabel(group)}</li>`;
  }

  #item(item: Conversation): TemplateResult {
    const isCurrent = this.services.router.state.match?.params["conversation"] === item.id;
    return html`<li
      class="conversation"
      data-testid="conversation-item"
      data-id=${item.id}
      ?data-current=${isCurrent}
    >
      ${this.renaming === item.id
        ? this.#renameField(item)
        : html`<a
              class="conversation__link"
              href=${conversationPath(item.id)}
              aria-current=${isCurrent ? "page" : nothing}
              title=${exactTime(item.updated_at)}
              @keydown=${this.#onLinkKey}
              @dblclick=${() => void this.#startRename(item.id)}
            >
              <span class="conversation__title">${titleOf(item)}</span>
              ${item.match === null || item.match === "" ? nothing : this.#snippet(item.match)}
            </a>
            <soma-menu
              class="conversation__menu"
              .label=${msg(str`Acts for ${titleOf(item)}`)}
              .face=${ICONS.more}
              .items=${this.#acts(item)}
            ></soma-menu>`}
    </li>`;
  }

  #snippet(match: string): TemplateResult {
    return html`<span class="conversation__match"
      >${snippetParts(match).map((part) => (part.hit ? html`<mark>${part.text}</mark>` : part.text))}</span
    >`;
  }

  #renameField(item: Conversation): TemplateResult {
    const finish = (event: Event): void => {
      void this.#finishRename(item, (event.target as HTMLInputElement).value);
    };
    return html`<input
      class="input conversation__rename"
      aria-label=${msg(str`New name of ${titleOf(item)}`)}
      maxlength="200"
      .value=${item.title ?? ""}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === "Enter" && !event.isComposing) finish(event);
        if (event.key === "Escape") {
          event.stopPropagation();
          void this.#endRename(item.id);
        }
      }}
      @blur=${finish}
    />`;
  }

  #acts(item: Conversation): (MenuItem | "line")[] {
    return [
      {
        label: msg("Rename"),
        icon: ICONS.edit,
        act: () => void this.#startRename(item.id),
      },
      {
        label: item.archived ? msg("Move back to active") : msg("Archive"),
        icon: ICONS.archive,
        act: () => void this.#remove(item, item.archived ? "unarchive" : "archive"),
      },
      "line",
      {
        label: msg("Delete"),
        icon: ICONS.trash,
        danger: true,
        act: () => void this.#remove(item, "delete"),
      },
    ];
  }

  #empty(q: string, archived: boolean): TemplateResult {
    if (q !== "") {
      return emptyView(msg("Nothing found"), msg("Try another word, or look in the archive."));
    }
    return archived
      ? emptyView(msg("The archive is empty"), msg("What you archive is kept here."))
      : emptyView(msg("No conversations yet"), msg("Your first message starts one."));
  }

  #end(): TemplateResult | typeof nothing {
    const { next, loadingMore, moreProblem } = this.services.hub.list.state;
    const more = (): void => {
      void this.services.hub.list.loadMore();
    };
    if (moreProblem !== null) return problemView(moreProblem, more);
    if (next === null) return nothing;
    return html`<div class="list-end">
      <button type="button" class="button button--quiet button--wide" ?disabled=${loadingMore} @click=${more}>
        ${loadingMore ? msg("Loading…") : msg("Show more")}
      </button>
    </div>`;
  }

  async #startRename(id: string): Promise<void> {
    this.renaming = id;
    await this.updateComplete;
    const field = this.querySelector<HTMLInputElement>(".conversation__rename");
    field?.focus();
    field?.select();
  }

  async #finishRename(item: Conversation, value: string): Promise<void> {
    if (this.renaming !== item.id) return;
    const title = value.trim();
    await this.#endRename(item.id);
    if (title === "" || title === item.title) return;
    const renamed = await this.services.hub.list.rename(item.id, title);
    if (renamed !== null) this.services.announcer.say(msg(str`Renamed to ${title}`));
  }

  async #endRename(id: string): Promise<void> {
    const hadFocus = this.contains(document.activeElement);
    this.renaming = null;
    await this.updateComplete;
    if (hadFocus) this.#link(id)?.focus();
  }

  async #remove(item: Conversation, act: "delete" | "archive" | "unarchive"): Promise<void> {
    const { hub, router, toasts } = this.services;
    const { list } = hub;
    const isCurrent = router.state.match?.params["conversation"] === item.id;
    const links = [...this.querySelectorAll<HTMLElement>(".conversation__link")];
    const at = links.findIndex((link) => link.closest("li")?.dataset["id"] === item.id);
    const neighbour = (links[at + 1] ?? links[at - 1])?.closest("li")?.dataset["id"] ?? null;
    const done = act === "delete" ? list.delete(item.id) : list.setArchived(item.id, act === "archive");
    await this.updateComplete;
    if (neighbour === null) document.querySelector<HTMLElement>(".sidebar__new")?.focus();
    else this.#link(neighbour)?.focus();
    if (!(await done)) return;
    if (act === "delete") {
      hub.forget(item.id);
      if (isCurrent) router.go(HOME);
    }
    const title = titleOf(item);
    const said = {
      delete: msg(str`“${title}” was deleted.`),
      archive: msg(str`“${title}” was archived.`),
      unarchive: msg(str`“${title}” is active again.`),
    }[act];
    toasts.say(said, () => {
      void list.undo(act, item.id).then((undone) => {
        if (undone && isCurrent && act === "delete") router.go(conversationPath(item.id));
      });
    });
  }

  #link(id: string): HTMLElement | null {
    return this.querySelector(`li[data-id="${CSS.escape(id)}"] .conversation__link`);
  }

  readonly #onLinkKey = (event: KeyboardEvent): void => {
    if (event.key === "F2") {
      const id = (event.currentTarget as HTMLElement).closest("li")?.dataset["id"];
      if (id !== undefined) void this.#startRename(id);
      return;
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const links = [...this.querySelectorAll<HTMLElement>(".conversation__link")];
    const at = links.indexOf(event.currentTarget as HTMLElement);
    links[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-conversation-list": ConversationList;
  }
}
