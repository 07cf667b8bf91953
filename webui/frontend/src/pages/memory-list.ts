/**
 * The memories themselves, flat or under their conversations; arrow keys walk, Space selects,
 * F2 corrects, Delete forgets. The focus goes to the neighbour of what has gone.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Agent } from "../api/types";
import type { MemoryGroup } from "../memory/groups";
import { byConversation } from "../memory/groups";
import "../memory/memory-item";
import type { MemoryItemView } from "../memory/memory-item";
import { TitleStore } from "../memory/titles";
import type { MemoryItem } from "../memory/types";
import { conversationPath } from "../router/routes";
import { StoreController } from "../store";
import { LightElement } from "../ui/light-element";

@customElement("soma-memory-list")
export class MemoryList extends LightElement {
  @property({ attribute: false }) items: readonly MemoryItem[] = [];
  @property({ attribute: false }) agents: readonly Agent[] = [];
  @property({ attribute: false }) selected: ReadonlySet<string> = new Set();
  @property({ attribute: false }) grouped = false;
  @property({ attribute: false }) searched = false;
  @property({ attribute: false }) canWrite = true;
  @property({ attribute: false }) busy = false;
  @query(".memories") private readonly list!: HTMLElement | null;
  readonly #titles = new StoreController(this);
  #store: TitleStore | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#store ??= new TitleStore(this.services.api, msg("Untitled"));
    this.#titles.follow(this.#store);
  }

  protected override willUpdate(): void {
    if (!this.grouped) return;
    for (const { conversation_id: id } of this.items) if (id !== null) this.#store?.need(id);
  }

  protected override render(): TemplateResult {
    return html`<div
      class="memories"
      aria-busy=${String(this.busy)}
      @keydown=${this.#onKey}
    >
      ${this.canWrite
        ? html`<p class="muted memories__keys">
            ${msg("At a box: arrows move, Space selects, F2 corrects, Delete forgets.")}
          </p>`
        : nothing}
      ${this.grouped
        ? repeat(
            byConversation(this.items),
            ({ conversationId }) => conversationId ?? "none",
            (group) => this.#group(group),
          )
        : this.#items(this.items)}
    </div>`;
  }

  #group(group: MemoryGroup): TemplateResult {
    const { conversationId: id } = group;
    const known = id === null ? undefined : this.#store?.state.titles.get(id);
    const title =
      id === null
        ? msg("Not from a conversation")
        : known === null
          ? msg("A deleted conversation")
          : (known ?? msg("A conversation"));
    return html`<section class="memory-group" aria-label=${title}>
      <div class="memory-group__head">
        <h2 class="memory-group__title">
          ${id === null || known === null ? title : html`<a href=${conversationPath(id)}>${title}</a>`}
        </h2>
        ${this.canWrite && id !== null
          ? html`<button
              type="button"
              class="button button--quiet button--small"
              aria-label=${msg(str`Forget everything from “${title}”`)}
              @click=${() => {
                this.dispatchEvent(new CustomEvent("forget-conversation", { detail: { id, title } }));
              }}
            >
              ${msg("Forget all of it")}
            </button>`
          : nothing}
      </div>
      ${this.#items(group.items)}
    </section>`;
  }

  #items(items: readonly MemoryItem[]): TemplateResult {
    return html`<ul class="memories__list">
      ${repeat(
        items,
        ({ memory_id: id }) => id,
        (memory) => html`<li>
          <soma-memory-item
            .memory=${memory}
            .agentName=${this.#agentName(memory)}
            .selected=${this.selected.has(memory.memory_id)}
            .canWrite=${this.canWrite}
            .grouped=${this.grouped}
            .searched=${this.searched}
          ></soma-memory-item>
        </li>`,
      )}
    </ul>`;
  }

  #agentName({ agent_id: id }: MemoryItem): string {
    if (this.agents.length < 2) return "";
    return this.agents.find((agent) => agent.id === id)?.name ?? "";
  }

  #views(): MemoryItemView[] {
    return [...this.querySelectorAll("soma-memory-item")];
  }

  focusFirst(): void {
    this.#views()[0]?.focus();
  }

  focusOn(id: string): void {
    const view = this.#views().find(({ memory }) => memory.memory_id === id);
    view?.focus();
    view?.scrollIntoView({ block: "nearest" });
  }

  /** The id of what stands beside a memory, for the focus when that one goes. */
  beside(id: string): string | null {
    const views = this.#views();
    const at = views.findIndex(({ memory }) => memory.memory_id === id);
    return (views[at + 1] ?? views[at - 1])?.memory.memory_id ?? null;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (!target.matches(".memory__pick") || this.list === null) return;
    const views = this.#views();
    const at = views.findIndex((view) => view.contains(target));
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: views.length - 1 };
    const next = steps[event.key];
    if (next !== undefined) {
      event.preventDefault();
      views[Math.max(0, next)]?.focus();
    } else if (event.key === "F2") {
      event.preventDefault();
      if (views[at]?.memory.superseded_by === null) void views[at].startEdit();
    } else if (event.key === "Delete") {
      event.preventDefault();
      const memory = views[at]?.memory;
      if (memory !== undefined) this.dispatchEvent(new CustomEvent("forget-memory", { detail: memory }));
    }
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-list": MemoryList;
  }
}
