/** Taking one's memories out as a file, and bringing a file in, with progress. */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { isAbort, problemOf } from "../api/http";
import type { Agent, Problem } from "../api/types";
import { LightElement } from "../ui/light-element";
import { problemView } from "../ui/states";
import { MemoryApi } from "./memory-api";
import { importLines, readLines } from "./transfer";
import type { ImportProgress } from "./transfer";

type Mode = "import" | "export";
const SHOWN_REFUSALS = 20;

@customElement("soma-memory-transfer")
export class MemoryTransfer extends LightElement {
  @property({ attribute: false }) agents: readonly Agent[] = [];
  @state() private mode: Mode = "export";
  @state() private agentId = "";
  @state() private file: File | null = null;
  @state() private busy = false;
  @state() private problem: Problem | null = null;
  @state() private imported: ImportProgress | null = null;
  @state() private exported: { lines: number; total: number | null; done: boolean } | null = null;
  @state() private stopped = false;
  @query("dialog") private readonly dialog!: HTMLDialogElement;
  #abort: AbortController | null = null;
  #opener: HTMLElement | null = null;

  async open(mode: Mode, agentId: string): Promise<void> {
    this.mode = mode;
    this.agentId = agentId === "" && mode === "import" ? (this.agents[0]?.id ?? "") : agentId;
    this.file = null;
    this.problem = null;
    this.imported = null;
    this.exported = null;
    this.stopped = false;
    this.#opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    await this.updateComplete;
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const isImport = this.mode === "import";
    return html`<dialog
      class="dialog dialog--wide"
      aria-labelledby="transfer-title"
      data-testid="transfer-dialog"
      @close=${this.#onClose}
    >
      <form @submit=${(event: Event) => void this.#start(event)}>
        <h2 class="card__title" id="transfer-title">
          ${isImport ? msg("Import memories") : msg("Export memories")}
        </h2>
        <p>
          ${isImport
            ? msg("A file of JSON lines, as the export writes it. What is known already is not added twice.")
            : msg("All your memories as JSON lines: one memory a line, word for word, with where it comes from.")}
        </p>
        <label class="field">
          <span class="field__label">${msg("Agent")}</span>
          <select class="input" ?disabled=${this.busy} .value=${this.agentId} @change=${this.#onAgent}>
            ${isImport ? nothing : html`<option value="" ?selected=${this.agentId === ""}>${msg("All agents")}</option>`}
            ${this.agents.map(
              ({ id, name }) => html`<option value=${id} ?selected=${id === this.agentId}>${name}</option>`,
            )}
          </select>
        </label>
        ${isImport ? this.#fileField() : nothing}
        ${this.problem === null ? nothing : problemView(this.problem)} ${this.#progress()} ${this.#result()}
        <div class="row">
          <button
            type="submit"
            class="button button--primary"
            ?disabled=${this.busy || (isImport && (this.file === null || this.agentId === ""))}
          >
            ${isImport ? msg("Import") : msg("Export")}
          </button>
          ${this.busy
            ? html`<button type="button" class="button" @click=${this.#stop}>${msg("Stop")}</button>`
            : html`<button type="button" class="button" @click=${this.#close}>${msg("Close")}</button>`}
        </div>
      </form>
    </dialog>`;
  }

  #fileField(): TemplateResult {
    return html`<label class="field">
      <span class="field__label">${msg("File")}</span>
      <input
        type="file"
        class="input input--file"
        accept=".jsonl,.ndjson,.json,.txt,application/x-ndjson"
        ?disabled=${this.busy}
        @change=${(event: Event) => {
          this.file = (event.target as HTMLInputElement).files?.[0] ?? null;
          this.imported = null;
        }}
      />
    </label>`;
  }

  #progress(): TemplateResult | typeof nothing {
    const done = this.mode === "import" ? this.imported?.doneLines : this.exported?.lines;
    const all = this.mode === "import" ? this.imported?.allLines : this.exported?.total;
    if (done === undefined) return nothing;
    const label =
      all === undefined || all === null ? msg(str`${done} lines`) : msg(str`${done} of ${Math.max(all, done)} lines`);
    return html`<div class="progress">
      <progress
        class="progress__bar"
        aria-label=${this.mode === "import" ? msg("Import") : msg("Export")}
        max=${Math.max(all ?? done, done, 1)}
        value=${done}
      ></progress>
      <span class="muted" data-testid="progress">${label}</span>
    </div>`;
  }

  #result(): TemplateResult | typeof nothing {
    if (this.busy) return nothing;
    const halted = this.stopped ? html`<p role="status">${msg("Stopped. What was done so far stays.")}</p>` : nothing;
    if (this.mode === "export") {
      if (this.exported?.done !== true) return halted;
      return html`<p class="good" role="status">${msg(str`${this.exported.lines} memories are in the file.`)}</p>`;
    }
    const { imported } = this;
    if (imported === null) return halted;
    const { kept, known, refused } = imported;
    return html`${halted}
      <p class="good" role="status" data-testid="imported">
        ${msg(str`${kept} kept, ${known} known already, ${refused.length} refused.`)}
      </p>
      ${refused.length === 0
        ? nothing
        : html`<ul class="refusals">
            ${refused
              .slice(0, SHOWN_REFUSALS)
              .map(({ line, detail }) => html`<li>${msg(str`Line ${line}: ${detail}`)}</li>`)}
            ${refused.length > SHOWN_REFUSALS
              ? html`<li>${msg(str`and ${refused.length - SHOWN_REFUSALS} more`)}</li>`
              : nothing}
          </ul>`}`;
  }

  async #start(event: Event): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    this.stopped = false;
    const abort = new AbortController();
    this.#abort = abort;
    try {
      if (this.mode === "import") await this.#import(abort.signal);
      else await this.#export(abort.signal);
    } catch (failure) {
      if (isAbort(failure)) this.stopped = true;
      else this.problem = problemOf(failure);
    } finally {
      this.busy = false;
      if ((this.imported?.kept ?? 0) > 0) this.dispatchEvent(new CustomEvent("imported"));
    }
  }

  async #import(signal: AbortSignal): Promise<void> {
    if (this.file === null) return;
    const api = new MemoryApi(this.services.http);
    const text = await this.file.text();
    await importLines(
      text,
      (lines) => api.import(this.agentId, lines, signal),
      (progress) => {
        this.imported = progress;
      },
    );
  }

  async #export(signal: AbortSignal): Promise<void> {
    const api = new MemoryApi(this.services.http);
    this.exported = { lines: 0, total: null, done: false };
    const stats = await api.stats(this.agentId).catch(() => null);
    const total = stats?.total ?? null;
    this.exported = { lines: 0, total, done: false };
    const { body } = await api.export(this.agentId, signal);
    if (body === null) return;
    const { file, lines } = await readLines(body, (count) => {
      this.exported = { lines: count, total, done: false };
    });
    this.exported = { lines, total: lines, done: true };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `memories-${new Date().toISOString().slice(0, 10)}.jsonl`;
    link.click();
    setTimeout(() => {
      URL.revokeObjectURL(link.href);
    }, 60_000);
  }

  readonly #onAgent = (event: Event): void => {
    this.agentId = (event.target as HTMLSelectElement).value;
  };

  readonly #stop = (): void => {
    this.#abort?.abort();
  };

  readonly #close = (): void => {
    this.dialog.close();
  };

  readonly #onClose = (): void => {
    this.#abort?.abort();
    const target = this.#opener?.isConnected === true ? this.#opener : document.querySelector<HTMLElement>("main");
    target?.focus();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-memory-transfer": MemoryTransfer;
  }
}
