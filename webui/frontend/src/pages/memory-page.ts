/** What the agents remember of the person who looks: search, correct, forget, take out, bring in. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Agent, Problem } from "../api/types";
import { addressOf, filterOf, isNarrowed, kindOf, tabOf } from "../memory/filter-address";
import "../memory/forget-dialog";
import type { ForgetDialog } from "../memory/forget-dialog";
import { forgettingOf } from "../memory/forgetting";
import type { ForgettingStore } from "../memory/forgetting";
import { MemoryListStore } from "../memory/list-store";
import { MemoryApi } from "../memory/memory-api";
import "../memory/pending-badge";
import type { PendingBadge } from "../memory/pending-badge";
import "../memory/retention-dialog";
import type { RetentionDialog } from "../memory/retention-dialog";
import "../memory/transfer-dialog";
import type { MemoryTransfer } from "../memory/transfer-dialog";
import type { MemoryItem } from "../memory/types";
import { HOME, graphPath } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import "../ui/soma-menu";
import type { MenuItem } from "../ui/soma-menu";
import { emptyView, problemView, skeleton } from "../ui/states";
import "./memory-filters";
import type { FilterChange } from "./memory-filters";
import "./memory-list";
import type { MemoryList } from "./memory-list";

@customElement("soma-memory-page")
export class MemoryPageView extends LightElement {
  @state() private agents: readonly Agent[] = [];
  @state() private agentsProblem: Problem | null = null;
  @query("soma-memory-list") private readonly list!: MemoryList | null;
  @query("soma-forget-dialog") private readonly forgetDialog!: ForgetDialog;
  @query("soma-memory-transfer") private readonly transfer!: MemoryTransfer;
  @query("soma-retention-dialog") private readonly retention!: RetentionDialog;
  @query("soma-pending-badge") private readonly badge!: PendingBadge | null;
  readonly #follow = new StoreController(this);
  readonly #router = new StoreController(this);
  readonly #hidden = new StoreController(this);
  #store!: MemoryListStore;
  #forgetting!: ForgettingStore;
  /** Which address the list follows already. */
  #address = "";
  #seen = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#store = new MemoryListStore(new MemoryApi(this.services.http));
    this.#forgetting = forgettingOf(this.services);
    this.#follow.follow(this.#store);
    this.#router.follow(this.services.router);
    this.#hidden.follow(this.#forgetting);
    this.#forgetting.addEventListener("forgotten", this.#onForgotten);
    document.title = `${msg("Memory")} · SomaAgent`;
    this.#address = location.search;
    this.#store.show(filterOf(this.services.router.state.query));
    void this.#store.load();
    void this.#loadAgents();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#store.stop();
    this.#forgetting.removeEventListener("forgotten", this.#onForgotten);
  }

  protected override willUpdate(): void {
    const { query: now, match } = this.services.router.state;
    if (match?.name !== "memory" || location.search === this.#address) return;
    this.#address = location.search;
    this.#store.show(filterOf(now));
  }

  protected override updated(): void {
    const { phase, searching, filter, items } = this.#store.state;
    const said = JSON.stringify([filter, items.length]);
    if (phase !== "ready" || searching || said === this.#seen) return;
    const isFirst = this.#seen === "";
    this.#seen = said;
    if (isFirst && !isNarrowed(filter)) return;
    this.services.announcer.say(
      items.length === 1 ? msg("1 memory is shown") : msg(str`${items.length} memories are shown`),
    );
  }

  get #canWrite(): boolean {
    return this.services.session.may("tenant.use");
  }

  get #shown(): readonly MemoryItem[] {
    const { hidden } = this.#forgetting.state;
    return this.#store.state.items.filter(({ memory_id: id }) => !hidden.has(id));
  }

  protected override render(): TemplateResult {
    const { query: now } = this.services.router.state;
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Memory")}</h1>
        <soma-pending-badge @settled=${() => void this.#store.load()}></soma-pending-badge>
        <div class="page__act row">
          <a class="button button--quiet" href=${graphPath()}>${ICONS.graph}<span>${msg("Graph")}</span></a>
          <soma-menu .label=${msg("Acts for all memories")} .face=${ICONS.more} .items=${this.#acts()}></soma-menu>
        </div>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="memory-page">
        <soma-memory-filters
          .filter=${this.#store.state.filter}
          .tab=${tabOf(now)}
          .agents=${this.agents}
          @filter-change=${this.#onFilter}
          @to-list=${() => {
            this.list?.focusFirst();
          }}
        ></soma-memory-filters>
        ${this.agentsProblem === null
          ? nothing
          : problemView(this.agentsProblem, () => void this.#loadAgents())}
        ${this.#selectionBar()}
        <div>${this.#body()}</div>
      </main>
      <soma-forget-dialog @forgotten=${this.#onForgottenMany}></soma-forget-dialog>
      <soma-memory-transfer .agents=${this.agents} @imported=${this.#refresh}></soma-memory-transfer>
      <soma-retention-dialog></soma-retention-dialog>`;
  }

  #acts(): (MenuItem | "line")[] {
    const agentId = this.#store.state.filter.agent_id;
    const items: (MenuItem | "line")[] = [
      { label: msg("Export…"), act: () => void this.transfer.open("export", agentId) },
    ];
    if (!this.#canWrite) return items;
    items.push(
      { label: msg("Import…"), act: () => void this.transfer.open("import", agentId) },
      { label: msg("How long to keep…"), act: () => void this.retention.open() },
      "line",
      {
        label: msg("Forget everything…"),
        icon: ICONS.trash,
        danger: true,
        act: () =>
          void this.forgetDialog.ask({
            selection: { everything: true },
            what: msg("everything that any agent remembers of you"),
            typed: msg("everything"),
          }),
      },
    );
    return items;
  }

  #selectionBar(): TemplateResult | typeof nothing {
    const { selected } = this.#store.state;
    const shown = this.#shown;
    const chosen = shown.filter(({ memory_id: id }) => selected.has(id)).map(({ memory_id: id }) => id);
    if (chosen.length === 0) return nothing;
    const what = chosen.length === 1 ? msg("1 memory") : msg(str`${chosen.length} memories`);
    return html`<div class="selection" role="group" aria-label=${msg("Selection")}>
      <span role="status">${msg(str`${chosen.length} selected`)}</span>
      <button
        type="button"
        class="button button--small"
        @click=${() => {
          this.#store.selectAll(shown.map(({ memory_id: id }) => id));
        }}
      >
        ${msg("Select all shown")}
      </button>
      <button
        type="button"
        class="button button--small"
        @click=${() => {
          this.#store.selectAll([]);
          this.list?.focusFirst();
        }}
      >
        ${msg("Clear selection")}
      </button>
      <button
        type="button"
        class="button button--small button--danger"
        @click=${() => void this.forgetDialog.ask({ selection: { ids: chosen }, what, typed: null })}
      >
        ${msg("Forget…")}
      </button>
    </div>`;
  }

  #body(): TemplateResult {
    const { phase, problem, searching, selected, filter } = this.#store.state;
    if (phase === "error" && problem !== null) return problemView(problem, () => void this.#store.load());
    if (phase === "loading") return skeleton(6, msg("Loading memories…"));
    const shown = this.#shown;
    if (shown.length === 0 && !searching && this.#store.state.next === null) return this.#empty();
    return html`<soma-memory-list
        .items=${shown}
        .agents=${this.agents}
        .selected=${selected}
        .grouped=${tabOf(this.services.router.state.query) === "conversations"}
        .searched=${filter.q.trim() !== ""}
        .canWrite=${this.#canWrite}
        .busy=${searching}
        @pick-memory=${({ detail }: CustomEvent<{ id: string; checked: boolean }>) => {
          this.#store.select(detail.id, detail.checked);
        }}
        @forget-memory=${({ detail }: CustomEvent<MemoryItem>) => void this.#forget(detail)}
        @memory-corrected=${({ detail }: CustomEvent<{ id: string }>) => void this.#onCorrected(detail.id)}
        @forget-conversation=${({ detail }: CustomEvent<{ id: string; title: string }>) =>
          void this.forgetDialog.ask({
            selection: { conversation_id: detail.id },
            what: msg(str`everything from “${detail.title}”`),
            typed: null,
          })}
      ></soma-memory-list>
      ${this.#end(filter.q !== "")}`;
  }

  #end(isSearch: boolean): TemplateResult | typeof nothing {
    const { next, loadingMore, moreProblem } = this.#store.state;
    const more = (): void => {
      void this.#store.loadMore();
    };
    if (moreProblem !== null) return problemView(moreProblem, more);
    if (next === null || isSearch) return nothing;
    return html`<button type="button" class="button button--wide memories__more" ?disabled=${loadingMore} @click=${more}>
      ${loadingMore ? msg("Loading…") : msg("Show older ones")}
    </button>`;
  }

  #empty(): TemplateResult {
    const { filter } = this.#store.state;
    if (isNarrowed(filter)) {
      return emptyView(
        msg("Nothing found"),
        filter.q === ""
          ? msg("No memory fits these filters.")
          : msg("Nothing that is remembered bears on this. Try other words, or fewer filters."),
      );
    }
    if (filter.kind === "semantic") {
      return emptyView(
        msg("No facts yet"),
        msg("Facts are drawn from what was said, often while an agent sleeps; each names its sources."),
      );
    }
    if (filter.kind === "working") {
      return emptyView(msg("Nothing is in focus"), msg("What you talked about in the last day stands here."));
    }
    return emptyView(
      msg("Nothing is remembered yet"),
      msg("What you and your agents say to each other is kept here, word for word."),
      html`<a class="button" href=${HOME}>${msg("Start a conversation")}</a>`,
    );
  }

  async #loadAgents(): Promise<void> {
    this.agentsProblem = null;
    try {
      this.agents = (await this.services.api.agents()).items;
    } catch (failure) {
      this.agentsProblem = problemOf(failure);
    }
  }

  readonly #onFilter = ({ detail }: CustomEvent<FilterChange>): void => {
    const tab = detail.tab ?? tabOf(this.services.router.state.query);
    const filter = { ...this.#store.state.filter, ...detail.filter, kind: kindOf(tab) };
    this.#store.show(filter);
    this.services.router.go(addressOf(filter, tab), { replace: true });
  };

  async #forget(memory: MemoryItem): Promise<void> {
    const beside = this.list?.beside(memory.memory_id) ?? null;
    this.#forgetting.forget(memory.memory_id, memory.text);
    this.#store.select(memory.memory_id, false);
    await this.updateComplete;
    await this.list?.updateComplete;
    if (beside === null) this.querySelector<HTMLElement>("#main")?.focus();
    else this.list?.focusOn(beside);
  }

  readonly #onForgotten = (): void => {
    // Facts drawn from it, and what it replaced, may have changed too.
    void this.#store.load();
    void this.badge?.look();
  };

  readonly #onForgottenMany = (): void => {
    this.#store.selectAll([]);
    this.#refresh();
  };

  readonly #refresh = (): void => {
    void this.#store.load();
    void this.badge?.look();
  };

  async #onCorrected(id: string): Promise<void> {
    this.services.toasts.say(msg("Corrected. The old version stays, marked as replaced."));
    await this.#store.load();
    await this.updateComplete;
    await this.list?.updateComplete;
    this.list?.focusOn(id);
    void this.badge?.look();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-page": MemoryPageView;
  }
}
