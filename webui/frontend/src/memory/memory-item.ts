/** One memory in the list: what it says, where it comes from, and what can be done with it. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { conversationPath, graphPath, memoryPath } from "../router/routes";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import "../ui/soma-menu";
import type { MenuItem } from "../ui/soma-menu";
import { problemView } from "../ui/states";
import { dayOf, exactTime } from "../ui/times";
import { shortened } from "./forgetting";
import { MemoryApi } from "./memory-api";
import type { MemoryItem } from "./types";
import { whyView } from "./why-view";
import { kindName, speakerName, stateNote } from "./words";

const LONGEST = 20_000;

@customElement("soma-memory-item")
export class MemoryItemView extends LightElement {
  @property({ attribute: false }) memory!: MemoryItem;
  @property({ attribute: false }) agentName = "";
  @property({ attribute: false }) selected = false;
  @property({ attribute: false }) canWrite = true;
  /** It stands here because of a search, which is worth explaining. */
  @property({ attribute: false }) searched = false;
  /** The heading above says already which conversation it is. */
  @property({ attribute: false }) grouped = false;
  @state() private editing = false;
  @state() private saving = false;
  @state() private problem: Problem | null = null;
  @query(".memory__field") private readonly field!: HTMLTextAreaElement | null;
  @query(".memory__pick") private readonly pick!: HTMLInputElement | null;

  override focus(): void {
    this.pick?.focus();
  }

  protected override render(): TemplateResult {
    const { memory } = this;
    const isReplaced = memory.superseded_by !== null;
    return html`<article
      class="memory"
      data-testid="memory"
      data-id=${memory.memory_id}
      data-kind=${memory.kind}
      ?data-replaced=${isReplaced}
      ?data-selected=${this.selected}
      aria-label=${msg(str`${speakerName(memory.speaker)}, ${dayOf(memory.said_at)}`)}
    >
      <div class="memory__head">
        ${this.canWrite
          ? html`<input
              type="checkbox"
              class="memory__pick"
              aria-label=${msg(str`Select “${shortened(memory.text)}”`)}
              .checked=${this.selected}
              @change=${this.#onPick}
            />`
          : nothing}
        <span class="memory__speaker">${speakerName(memory.speaker)}</span>
        <time datetime=${memory.said_at} title=${exactTime(memory.said_at)}
          >${dayOf(memory.said_at)}</time
        >
        ${this.agentName === "" ? nothing : html`<span>${this.agentName}</span>`}
        ${memory.kind === "episodic" ? nothing : html`<span class="tag tag--accent">${kindName(memory.kind)}</span>`}
        ${isReplaced
          ? html`<a class="tag tag--warn" href=${memoryPath(memory.superseded_by ?? "")}
              >${msg("Replaced by a newer one")}</a
            >`
          : nothing}
        ${memory.state === "stored"
          ? html`<span class="tag" title=${stateNote(memory.state)}>${msg("Being learned")}</span>`
          : nothing}
      </div>
      ${this.editing ? this.#form() : html`<p class="memory__text">${memory.text}</p>`}
      ${this.editing ? nothing : this.#foot()}
    </article>`;
  }

  #foot(): TemplateResult {
    const { memory } = this;
    return html`${this.searched ? whyView(memory) : nothing}
      <div class="memory__foot">
        ${this.grouped || memory.conversation_id === null
          ? nothing
          : html`<a href=${conversationPath(memory.conversation_id)}>${msg("Open its conversation")}</a>`}
        <a href=${memoryPath(memory.memory_id)} aria-label=${msg(str`Details of “${shortened(memory.text)}”`)}
          >${memory.sources_count > 0
            ? memory.sources_count === 1
              ? msg("Details, 1 source")
              : msg(str`Details, ${memory.sources_count} sources`)
            : msg("Details")}</a
        >
        <soma-menu
          class="memory__menu"
          .label=${msg(str`Acts for “${shortened(memory.text)}”`)}
          .face=${ICONS.more}
          .faceClass=${"button button--icon button--small"}
          .items=${this.#acts()}
        ></soma-menu>
      </div>`;
  }

  #acts(): (MenuItem | "line")[] {
    const { memory } = this;
    const items: (MenuItem | "line")[] = [
      { label: msg("Show in the graph"), icon: ICONS.graph, href: graphPath({ around: memory.memory_id }) },
    ];
    if (!this.canWrite) return items;
    if (memory.superseded_by === null) {
      items.unshift({ label: msg("Correct"), icon: ICONS.edit, act: () => void this.startEdit() });
    }
    items.push("line", {
      label: msg("Forget"),
      icon: ICONS.trash,
      danger: true,
      act: () => {
        this.dispatchEvent(new CustomEvent("forget-memory", { bubbles: true, detail: memory }));
      },
    });
    return items;
  }

  #form(): TemplateResult {
    return html`<form class="memory__form" @submit=${(event: Event) => void this.#save(event)}>
      <textarea
        class="input memory__field"
        rows="3"
        maxlength=${LONGEST}
        required
        aria-label=${msg("What is right")}
        .value=${this.memory.text}
        @keydown=${this.#onKey}
      ></textarea>
      <p class="muted">
        ${msg("The correction becomes the current memory. The old one stays, marked as replaced.")}
      </p>
      ${this.problem === null ? nothing : problemView(this.problem)}
      <div class="row">
        <button type="submit" class="button button--primary button--small" ?disabled=${this.saving}>
          ${this.saving ? msg("Saving…") : msg("Save correction")}
        </button>
        <button type="button" class="button button--small" @click=${() => void this.#endEdit()}>
          ${msg("Cancel")}
        </button>
      </div>
    </form>`;
  }

  async startEdit(): Promise<void> {
    this.problem = null;
    this.editing = true;
    await this.updateComplete;
    this.field?.focus();
    this.field?.setSelectionRange(this.field.value.length, this.field.value.length);
  }

  async #endEdit(): Promise<void> {
    this.editing = false;
    await this.updateComplete;
    this.focus();
  }

  async #save(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.field?.value.trim() ?? "";
    if (this.saving || text === "") return;
    if (text === this.memory.text.trim()) {
      await this.#endEdit();
      return;
    }
    this.saving = true;
    this.problem = null;
    try {
      const made = await new MemoryApi(this.services.http).correct(this.memory.memory_id, text);
      this.editing = false;
      this.dispatchEvent(
        new CustomEvent("memory-corrected", { bubbles: true, detail: { id: made.memory_id } }),
      );
    } catch (failure) {
      this.problem = problemOf(failure);
    } finally {
      this.saving = false;
    }
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      void this.#endEdit();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      void this.#save(event);
    }
  };

  readonly #onPick = (event: Event): void => {
    const { checked } = event.target as HTMLInputElement;
    this.dispatchEvent(
      new CustomEvent("pick-memory", { bubbles: true, detail: { id: this.memory.memory_id, checked } }),
    );
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-item": MemoryItemView;
  }
}
