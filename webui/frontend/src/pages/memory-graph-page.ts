/**
 * Memories and the names in them as a graph: a picture for the eye, a list for keyboard and
 * screen reader; both show the same nodes and do the same.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { shortened } from "../memory/forgetting";
import type { GraphPicture } from "../memory/graph-picture";
import { GraphStore, neighboursOf, visibleNodes } from "../memory/graph-store";
import { MemoryApi } from "../memory/memory-api";
import type { GraphNode } from "../memory/types";
import { kindName, nameLabel, relationName } from "../memory/words";
import { MEMORY, graphPath, memoryPath } from "../router/routes";
import { StoreController } from "../store";
import "../styles/memory.css";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, loadingView, problemView } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

type View = "picture" | "list";

@customElement("soma-memory-graph-page")
export class MemoryGraphPage extends LightElement {
  @state() private view: View = "picture";
  @state() private pictureFailed = false;
  @query(".graph__canvas") private readonly canvas!: HTMLElement | null;
  readonly #follow = new StoreController(this);
  readonly #router = new StoreController(this);
  #store!: GraphStore;
  #picture: GraphPicture | null = null;
  #drawnOn: HTMLElement | null = null;
  #resizes: ResizeObserver | null = null;
  #themes: MutationObserver | null = null;
  #address = "";

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("Graph of memories")} · SomaAgent`;
    this.#store = new GraphStore(new MemoryApi(this.services.http));
    this.#follow.follow(this.#store);
    this.#router.follow(this.services.router);
    this.#themes = new MutationObserver(() => this.#picture?.recolour());
    this.#themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.#address = location.search;
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#store.stop();
    this.#themes?.disconnect();
    this.#erase();
  }

  protected override willUpdate(): void {
    const { match } = this.services.router.state;
    if (match?.name !== "memory-graph" || location.search === this.#address) return;
    this.#address = location.search;
    void this.#load();
  }

  protected override updated(): void {
    if (this.canvas !== this.#drawnOn) {
      this.#erase();
      this.#drawnOn = this.canvas;
      if (this.canvas !== null) void this.#draw(this.canvas);
      return;
    }
    this.#refresh();
  }

  get #start(): { around?: string; name?: string } {
    const { query: now } = this.services.router.state;
    const around = now.get("around");
    const name = now.get("name");
    if (around !== null) return { around };
    return name === null ? {} : { name };
  }

  #load(): Promise<void> {
    return this.#store.load(this.#start);
  }

  protected override render(): TemplateResult {
    const isWhole = Object.keys(this.#start).length === 0;
    return html`<header class="page__head">
        <h1 class="page__title">${msg("Graph of memories")}</h1>
        <div class="page__act row">
          ${isWhole
            ? nothing
            : html`<a class="button button--quiet" href=${graphPath()}>${msg("Most linked")}</a>`}
          <a class="button button--quiet" href=${MEMORY}>${ICONS.list}<span>${msg("All memories")}</span></a>
        </div>
      </header>
      <main id="main" class="content content--wide" tabindex="-1" data-testid="memory-graph">
        ${this.#body()}
      </main>`;
  }

  #body(): TemplateResult {
    const { phase, problem, nodes } = this.#store.state;
    if (phase === "error" && problem !== null) return problemView(problem, () => void this.#load());
    if (phase === "loading") return loadingView(msg("Loading the graph…"));
    if (nodes.length === 0) {
      return emptyView(
        msg("There is nothing to connect yet"),
        msg("Memories are connected by the people, places and things that they name."),
        html`<a class="button" href=${MEMORY}>${msg("All memories")}</a>`,
      );
    }
    const shown = visibleNodes(this.#store.state);
    return html`${this.#tools(shown)}
      <div class="graph" data-view=${this.view}>
        ${this.view === "picture" ? this.#pictureView(shown) : this.#listView(shown)} ${this.#panel()}
      </div>`;
  }

  #tools(shown: readonly GraphNode[]): TemplateResult {
    const { words, withNames, withMemories, nodes } = this.#store.state;
    return html`<div class="graph-tools">
      <div class="tabs" role="group" aria-label=${msg("Show as")}>
        ${this.#viewTab("picture", msg("Picture"))} ${this.#viewTab("list", msg("List"))}
      </div>
      <input
        type="search"
        class="input graph-tools__words"
        aria-label=${msg("Filter what is shown")}
        placeholder=${msg("Filter")}
        .value=${words}
        @input=${(event: InputEvent) => {
          this.#store.narrow({ words: (event.target as HTMLInputElement).value });
        }}
      />
      ${this.#box(msg("Names"), withNames, (on) => {
        this.#store.narrow({ withNames: on });
      })}
      ${this.#box(msg("Memories"), withMemories, (on) => {
        this.#store.narrow({ withMemories: on });
      })}
      <span class="muted" role="status">${msg(str`${shown.length} of ${nodes.length} shown`)}</span>
    </div>`;
  }

  #viewTab(view: View, label: string): TemplateResult {
    return html`<button
      type="button"
      class="tabs__tab"
      aria-pressed=${String(view === this.view)}
      @click=${() => {
        this.view = view;
      }}
    >
      ${label}
    </button>`;
  }

  #box(label: string, checked: boolean, act: (on: boolean) => void): TemplateResult {
    return html`<label class="check">
      <input
        type="checkbox"
        .checked=${checked}
        @change=${(event: Event) => {
          act((event.target as HTMLInputElement).checked);
        }}
      />
      <span>${label}</span>
    </label>`;
  }

  #pictureView(shown: readonly GraphNode[]): TemplateResult {
    if (this.pictureFailed) {
      return html`<div class="graph__stage">
        ${emptyView(msg("The picture could not be loaded"), msg("The list shows the same."))}
      </div>`;
    }
    const names = shown.filter(({ kind }) => kind === "name").length;
    const label = msg(
      str`Picture of ${shown.length - names} memories and ${names} names. The list shows the same.`,
    );
    return html`<div class="graph__stage">
      <div class="graph__canvas __________cytoscape_container" role="img" aria-label=${label}></div>
      <div class="graph__zoom">
        ${this.#zoomButton("+", msg("Larger"), () => this.#picture?.zoom(1.3))}
        ${this.#zoomButton("−", msg("Smaller"), () => this.#picture?.zoom(1 / 1.3))}
        ${this.#zoomButton("▣", msg("Show all"), () => this.#picture?.fit())}
      </div>
    </div>`;
  }

  #zoomButton(face: string, label: string, act: () => void): TemplateResult {
    return html`<button type="button" class="button button--small" aria-label=${label} title=${label} @click=${act}>
      ${face}
    </button>`;
  }

  #listView(shown: readonly GraphNode[]): TemplateResult {
    if (shown.length === 0) return emptyView(msg("Nothing fits the filter"), msg("Try fewer letters."));
    const sorted = [...shown].sort((a, b) => b.degree - a.degree || a.label.localeCompare(b.label));
    const { chosen } = this.#store.state;
    return html`<ul class="graph-list" aria-label=${msg("Memories and names")}>
      ${repeat(
        sorted,
        ({ id }) => id,
        (node) => html`<li>
          <button
            type="button"
            class="graph-list__node"
            aria-pressed=${String(node.id === chosen)}
            @click=${() => {
              this.#choose(node.id === chosen ? null : node.id);
            }}
          >
            <span class="tag ${node.kind === "name" ? "tag--accent" : ""}">${this.#kind(node)}</span>
            <span class="graph-list__label">${shortened(this.#label(node), 120)}</span>
            <span class="muted">${node.degree === 1 ? msg("1 link") : msg(str`${node.degree} links`)}</span>
          </button>
        </li>`,
      )}
    </ul>`;
  }

  #label(node: GraphNode): string {
    return node.kind === "name" ? nameLabel(node.label) : node.label;
  }

  #kind(node: GraphNode): string {
    return node.kind === "name" ? msg("Name") : kindName(node.memory_kind ?? "episodic");
  }

  #panel(): TemplateResult {
    const { chosen, nodes, expanded, expanding, focused } = this.#store.state;
    const node = nodes.find(({ id }) => id === chosen);
    if (node === undefined) {
      return html`<aside class="graph__panel card" aria-label=${msg("Chosen node")}>
        <p class="muted">
          ${this.view === "picture"
            ? msg("Choose a node to read it. Double-click it to add what is next to it.")
            : msg("Choose a line to read it and to see what it is linked to.")}
        </p>
      </aside>`;
    }
    const neighbours = neighboursOf(this.#store.state, node.id);
    return html`<aside class="graph__panel card" aria-label=${msg("Chosen node")} data-testid="graph-node">
      <div class="row">
        <span class="tag ${node.kind === "name" ? "tag--accent" : ""}">${this.#kind(node)}</span>
        ${node.said_at === undefined || node.said_at === null
          ? nothing
          : html`<time class="muted" datetime=${node.said_at} title=${exactTime(node.said_at)}
              >${dayOf(node.said_at)}</time
            >`}
      </div>
      <p class="graph__label">${this.#label(node)}</p>
      <div class="row">
        <button
          type="button"
          class="button button--small"
          ?disabled=${expanding !== null || expanded.has(node.id)}
          @click=${() => void this.#expand(node.id)}
        >
          ${expanding === node.id ? msg("Looking…") : expanded.has(node.id) ? msg("All is shown") : msg("Expand")}
        </button>
        <button
          type="button"
          class="button button--small"
          aria-pressed=${String(focused)}
          @click=${() => {
            this.#store.narrow({ focused: !focused });
          }}
        >
          ${focused ? msg("Show all again") : msg("Only this")}
        </button>
        ${node.kind === "memory"
          ? html`<a class="button button--small" href=${memoryPath(node.id)}>${msg("Open")}</a>`
          : html`<a class="button button--small" href=${`${MEMORY}?q=${encodeURIComponent(node.label)}`}
              >${msg("Search it")}</a
            >`}
      </div>
      ${neighbours.length === 0
        ? nothing
        : html`<h2 class="graph__next">${msg("Next to it")}</h2>
            <ul class="graph__neighbours">
              ${neighbours.map(
                ({ node: other, relation, direction }) => html`<li>
                  <span class="muted">${relationName(relation, direction)}</span>
                  <button
                    type="button"
                    class="link-button"
                    @click=${() => {
                      this.#choose(other.id);
                    }}
                  >
                    ${shortened(this.#label(other), 80)}
                  </button>
                </li>`,
              )}
            </ul>`}
    </aside>`;
  }

  #choose(id: string | null): void {
    this.#store.choose(id);
    const node = this.#store.state.nodes.find((one) => one.id === id);
    if (node !== undefined) {
      const count = neighboursOf(this.#store.state, node.id).length;
      this.services.announcer.say(msg(str`${shortened(this.#label(node))}: ${count} next to it`));
    }
  }

  async #expand(id: string): Promise<void> {
    const found = await this.#store.expand(id);
    if (typeof found === "number") {
      this.services.announcer.say(found === 0 ? msg("Nothing new next to it") : msg(str`${found} added`));
    } else {
      this.services.toasts.problem(found);
    }
  }

  async #draw(canvas: HTMLElement): Promise<void> {
    try {
      const { GraphPicture: Picture } = await import("../memory/graph-picture");
      if (canvas !== this.#drawnOn || !canvas.isConnected) return;
      this.#picture = new Picture(canvas, {
        chosen: (id) => {
          this.#choose(id);
        },
        expand: (id) => void this.#expand(id),
      });
    } catch {
      this.pictureFailed = true;
      return;
    }
    this.#resizes = new ResizeObserver(() => this.#picture?.resize());
    this.#resizes.observe(canvas);
    this.#refresh();
  }

  #refresh(): void {
    const { state: shown } = this.#store;
    this.#picture?.show(visibleNodes(shown), shown.edges, shown.chosen);
  }

  #erase(): void {
    this.#resizes?.disconnect();
    this.#resizes = null;
    this.#picture?.destroy();
    this.#picture = null;
    this.#drawnOn = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-graph-page": MemoryGraphPage;
  }
}
