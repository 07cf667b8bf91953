/** One memory whole: its words, where it comes from, what replaced it, what it is linked to. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { isAbort, problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { forgettingOf, shortened } from "../memory/forgetting";
import { MemoryApi } from "../memory/memory-api";
import type { MemoryDetail } from "../memory/types";
import { kindName, relationName, speakerName, stateNote } from "../memory/words";
import { MEMORY, conversationPath, graphPath, memoryPath } from "../router/routes";
import "../styles/memory.css";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";

interface Other {
  memory_id: string;
  text: string;
  said_at: string;
}

@customElement("soma-memory-detail-page")
export class MemoryDetailPage extends LightElement {
  @property({ attribute: false }) memoryId = "";
  @state() private memory: MemoryDetail | null = null;
  @state() private problem: Problem | null = null;
  @state() private editing = false;
  @state() private saving = false;
  @state() private formProblem: Problem | null = null;
  @query("#correction") private readonly field!: HTMLTextAreaElement | null;
  #abort: AbortController | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${msg("A memory")} · SomaAgent`;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort?.abort();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("memoryId")) {
      this.memory = null;
      this.editing = false;
      void this.#load();
    }
  }

  get #canWrite(): boolean {
    return this.services.session.may("tenant.use");
  }

  protected override render(): TemplateResult {
    return html`<header class="page__head">
        <h1 class="page__title">${msg("A memory")}</h1>
        <div class="page__act row">
          <a class="button button--quiet" href=${MEMORY}>${ICONS.list}<span>${msg("All memories")}</span></a>
        </div>
      </header>
      <main id="main" class="content" tabindex="-1" data-testid="memory-detail">${this.#body()}</main>`;
  }

  #body(): TemplateResult {
    if (this.problem?.status === 404) {
      return emptyView(
        msg("This memory does not exist"),
        msg("It may have been forgotten."),
        html`<a class="button" href=${MEMORY}>${msg("All memories")}</a>`,
      );
    }
    if (this.problem !== null) return problemView(this.problem, () => void this.#load());
    const { memory } = this;
    if (memory === null) return skeleton(5, msg("Loading the memory…"));
    return html`${this.#version(memory)}
      <article class="card memory-whole" data-replaced=${memory.superseded_by === null ? nothing : ""}>
        <div class="memory__head">
          <span class="memory__speaker">${speakerName(memory.speaker)}</span>
          <time datetime=${memory.said_at} title=${exactTime(memory.said_at)}>${exactTime(memory.said_at)}</time>
        </div>
        ${this.editing ? this.#form(memory) : html`<blockquote class="memory-whole__text">${memory.text}</blockquote>`}
        ${this.editing ? nothing : this.#acts(memory)}
      </article>
      <section class="card" aria-labelledby="origin">
        <h2 class="card__title" id="origin">${msg("Where it comes from")}</h2>
        <dl class="facts">
          <div>
            <dt>${msg("Kind")}</dt>
            <dd>${kindName(memory.kind)}</dd>
          </div>
          <div>
            <dt>${msg("Learned")}</dt>
            <dd>${stateNote(memory.state)}</dd>
          </div>
          <div>
            <dt>${msg("Agent")}</dt>
            <dd>${memory.agent_name ?? msg("An agent that was deleted")}</dd>
          </div>
          <div>
            <dt>${msg("Said in")}</dt>
            <dd>${this.#conversation(memory)}</dd>
          </div>
        </dl>
      </section>
      ${this.#others(
        "sources",
        msg("Drawn from"),
        memory.sources.map((source) => ({ ...source, note: "" })),
      )}
      ${this.#others(
        "links",
        msg("Linked to"),
        memory.links.map((link) => ({ ...link, note: relationName(link.relation, link.direction) })),
      )}`;
  }

  #version({ supersedes, superseded_by: newer }: MemoryDetail): TemplateResult | typeof nothing {
    if (newer !== null) {
      return html`<div class="notice" data-testid="replaced">
        <p>${msg("This is an old version. Agents go by the newer one.")}</p>
        <a class="button" href=${memoryPath(newer)}>${msg("Go to the newer one")}</a>
      </div>`;
    }
    const [older] = supersedes;
    if (older === undefined) return nothing;
    return html`<div class="notice" data-testid="current">
      <p>${msg("This is the current version; it replaces an older one.")}</p>
      <a class="button" href=${memoryPath(older)}>${msg("Show the old one")}</a>
    </div>`;
  }

  #conversation(memory: MemoryDetail): TemplateResult | string {
    const { conversation_id: id, conversation_exists: exists, conversation_title: title } = memory;
    if (id === null) return msg("No conversation: it was added by hand or imported");
    if (!exists) return msg("A conversation that was deleted");
    return html`<a href=${conversationPath(id)}>${title ?? msg("Untitled")}</a>`;
  }

  #acts(memory: MemoryDetail): TemplateResult {
    return html`<div class="row">
      ${this.#canWrite && memory.superseded_by === null
        ? html`<button type="button" class="button button--small" @click=${() => void this.#startEdit()}>
            ${ICONS.edit}<span>${msg("Correct")}</span>
          </button>`
        : nothing}
      <a class="button button--small" href=${graphPath({ around: memory.memory_id })}
        >${ICONS.graph}<span>${msg("Show in the graph")}</span></a
      >
      ${this.#canWrite
        ? html`<button
            type="button"
            class="button button--small button--danger"
            @click=${() => {
              forgettingOf(this.services).forget(memory.memory_id, memory.text);
              this.services.router.go(MEMORY);
            }}
          >
            ${ICONS.trash}<span>${msg("Forget")}</span>
          </button>`
        : nothing}
    </div>`;
  }

  #form(memory: MemoryDetail): TemplateResult {
    return html`<form class="memory__form" @submit=${(event: Event) => void this.#save(event, memory)}>
      <label class="field">
        <span class="field__label">${msg("What is right")}</span>
        <textarea
          id="correction"
          class="input memory__field"
          rows="5"
          maxlength="20000"
          required
          .value=${memory.text}
          @keydown=${(event: KeyboardEvent) => {
            if (event.key === "Escape") this.editing = false;
          }}
        ></textarea>
      </label>
      ${this.formProblem === null ? nothing : problemView(this.formProblem)}
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.saving}>
          ${this.saving ? msg("Saving…") : msg("Save correction")}
        </button>
        <button
          type="button"
          class="button"
          @click=${() => {
            this.editing = false;
          }}
        >
          ${msg("Cancel")}
        </button>
      </div>
    </form>`;
  }

  #others(id: string, title: string, others: (Other & { note: string })[]): TemplateResult | typeof nothing {
    if (others.length === 0) return nothing;
    return html`<section class="card" aria-labelledby=${id} data-testid=${id}>
      <h2 class="card__title" id=${id}>${title}</h2>
      <ul class="others">
        ${others.map(
          (other) => html`<li class="others__one">
            ${other.note === "" ? nothing : html`<span class="tag">${other.note}</span>`}
            <a href=${memoryPath(other.memory_id)}>${shortened(other.text, 160)}</a>
            <time class="muted" datetime=${other.said_at} title=${exactTime(other.said_at)}
              >${dayOf(other.said_at)}</time
            >
          </li>`,
        )}
      </ul>
    </section>`;
  }

  async #load(): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.problem = null;
    try {
      this.memory = await new MemoryApi(this.services.http).memory(this.memoryId, abort.signal);
      document.title = `${shortened(this.memory.text)} · SomaAgent`;
    } catch (failure) {
      if (!isAbort(failure)) this.problem = problemOf(failure);
    }
  }

  async #startEdit(): Promise<void> {
    this.formProblem = null;
    this.editing = true;
    await this.updateComplete;
    this.field?.focus();
  }

  async #save(event: Event, memory: MemoryDetail): Promise<void> {
    event.preventDefault();
    const text = this.field?.value.trim() ?? "";
    if (this.saving || text === "") return;
    if (text === memory.text.trim()) {
      this.editing = false;
      return;
    }
    this.saving = true;
    this.formProblem = null;
    try {
      const made = await new MemoryApi(this.services.http).correct(memory.memory_id, text);
      this.services.toasts.say(msg(str`Corrected. The old version stays, marked as replaced.`));
      this.services.router.go(memoryPath(made.memory_id));
      this.querySelector<HTMLElement>("#main")?.focus();
    } catch (failure) {
      this.formProblem = problemOf(failure);
    } finally {
      this.saving = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-detail-page": MemoryDetailPage;
  }
}
