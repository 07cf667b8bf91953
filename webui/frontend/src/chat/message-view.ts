/**
 * One message: its text, what it goes without, what it remembers, and what can be done with it.
 *
 * Acts leave as `message-act` events; the page decides. Editing happens in place.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Message, Signal } from "../api/types";
import "../content/soma-markdown";
import { copyText } from "../ui/clipboard";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { clockTime, exactTime } from "../ui/times";
import "./context-report";
import { degradedView, endingView } from "./answer-notes";
import { recalledView } from "./recalled-view";
import { withTurn } from "./thread";
import type { TurnView } from "./turn-reducer";

export type MessageAct =
  | { kind: "retry"; turnId: string }
  | { kind: "continue"; turnId: string }
  | { kind: "edit"; messageId: string; text: string; done: (sent: boolean) => void }
  | { kind: "branch"; branchId: string; messageId: string }
  | { kind: "rate"; messageId: string; signal: Signal };

@customElement("soma-message")
export class MessageView extends LightElement {
  @property({ attribute: false }) message!: Message;
  /** The turn that is writing this message, while it does. */
  @property({ attribute: false }) turn: TurnView | null = null;
  @property({ attribute: false }) agentName = "";
  @property({ type: Boolean }) busy = false;
  /** Another answer is being written: nothing new can be started. */
  @property({ type: Boolean }) locked = false;
  @property({ attribute: false }) canWrite = true;
  /** Only the newest answer can be continued. */
  @property({ attribute: false }) isLast = false;
  @state() private editing = false;
  @state() private showReport = false;
  @state() private copied: boolean | null = null;
  @query(".message__edit-field") private readonly editField!: HTMLTextAreaElement | null;

  protected override render(): TemplateResult {
    const shown = this.turn === null ? this.message : withTurn(this.message, this.turn);
    const isUser = shown.role === "user";
    const author = isUser ? msg("You") : this.agentName;
    return html`<article
      class="message message--${shown.role}"
      data-testid="message"
      data-role=${shown.role}
      data-turn-state=${shown.turn_state ?? nothing}
      data-id=${shown.id}
      aria-label=${msg(str`${author}, ${clockTime(shown.created_at)}`)}
      aria-busy=${shown.turn_state === "open" ? "true" : nothing}
    >
      <header class="message__head">
        <h2 class="message__author">${author}</h2>
        <time datetime=${shown.created_at} title=${exactTime(shown.created_at)}
          >${clockTime(shown.created_at)}</time
        >
        ${shown.model === null || shown.model === ""
          ? nothing
          : html`<span class="message__model">${shown.model}</span>`}
      </header>
      ${isUser ? this.#userBody(shown) : this.#answerBody(shown)}
      ${this.editing ? nothing : this.#acts(shown)}
    </article>`;
  }

  #userBody(message: Message): TemplateResult {
    if (!this.editing) return html`<div class="message__text">${message.text}</div>`;
    return html`<form class="message__edit" @submit=${this.#sendEdit}>
      <textarea
        class="input message__edit-field"
        aria-label=${msg("Edit your message")}
        rows="3"
        .value=${this.services.hub.drafts.read(this.#editPlace) || message.text}
        @input=${this.#keepEdit}
        @keydown=${this.#onEditKey}
      ></textarea>
      <p class="muted">${msg("The old version and its answer stay; you can switch between them.")}</p>
      <div class="row">
        <button type="submit" class="button button--primary" ?disabled=${this.busy}>
          ${msg("Send again")}
        </button>
        <button type="button" class="button" @click=${this.#endEdit}>${msg("Cancel")}</button>
      </div>
    </form>`;
  }

  #answerBody(message: Message): TemplateResult {
    const isOpen = message.turn_state === "open";
    return html`
      ${message.degraded.length === 0 ? nothing : degradedView(message, this.services.session.isPlatformAdmin)}
      ${isOpen && message.text === ""
        ? html`<p class="typing">
            <span class="typing__dots" aria-hidden="true"><i></i><i></i><i></i></span>
            ${msg(str`${this.agentName} is writing…`)}
          </p>`
        : html`<soma-markdown
            class="markdown"
            .text=${message.text}
            .streaming=${isOpen}
          ></soma-markdown>`}
      ${isOpen ? nothing : endingView(message, this.#waysOn(message))}
      ${message.recalled.length === 0 ? nothing : recalledView(message.recalled)}
      ${isOpen || !this.showReport || message.turn_id === null
        ? nothing
        : html`<soma-context-report .turnId=${message.turn_id}></soma-context-report>`}
    `;
  }

  /** The buttons under an answer that did not end by itself. */
  #waysOn(message: Message): TemplateResult | typeof nothing {
    const { turn_id: turnId, turn_state: state, text } = message;
    if (turnId === null || !this.canWrite) return nothing;
    const canContinue = this.isLast && !(state === "failed" && text === "");
    return html`<div class="row">
      ${canContinue ? this.#button(msg("Continue"), { kind: "continue", turnId }) : nothing}
      ${state === "done" ? nothing : this.#button(msg("Try again"), { kind: "retry", turnId })}
    </div>`;
  }

  #button(label: string, act: MessageAct): TemplateResult {
    return html`<button
      type="button"
      class="button button--small"
      ?disabled=${this.busy || this.locked}
      @click=${() => {
        this.#act(act);
      }}
    >
      ${label}
    </button>`;
  }

  #acts(message: Message): TemplateResult | typeof nothing {
    if (message.turn_state === "open" && message.role === "assistant") return nothing;
    const isUser = message.role === "user";
    const turnId = message.turn_id;
    return html`<div class="message__acts" role="group" aria-label=${msg("Acts for this message")}>
      ${isUser ? nothing : this.#switcher(message)}
      ${this.#iconButton(
        this.copied === null ? msg("Copy message") : this.copied ? msg("Copied") : msg("Copying failed"),
        this.copied === true ? ICONS.check : ICONS.copy,
        () => void this.#copy(message.text),
      )}
      ${isUser && this.canWrite
        ? this.#iconButton(msg("Edit message"), ICONS.edit, () => void this.#startEdit(), this.locked)
        : nothing}
      ${!isUser && this.canWrite && turnId !== null
        ? this.#iconButton(
            msg("Answer again"),
            ICONS.refresh,
            () => {
              this.#act({ kind: "retry", turnId });
            },
            this.locked || this.busy,
          )
        : nothing}
      ${isUser ? this.#switcher(message) : this.#thumbs(message)} ${this.#reportButton(message)}
    </div>`;
  }

  #reportButton(message: Message): TemplateResult | typeof nothing {
    const hasReport = message.role === "assistant" && (message.model ?? "") !== "";
    if (!hasReport || message.turn_id === null) return nothing;
    const label = msg("What the model saw");
    return html`<button
      type="button"
      class="button button--icon button--small"
      aria-label=${label}
      title=${label}
      aria-expanded=${String(this.showReport)}
      @click=${() => {
        this.showReport = !this.showReport;
      }}
    >
      ${ICONS.info}
    </button>`;
  }

  #iconButton(
    label: string,
    icon: TemplateResult,
    act: () => void,
    disabled = false,
  ): TemplateResult {
    return html`<button
      type="button"
      class="button button--icon button--small"
      aria-label=${label}
      title=${label}
      ?disabled=${disabled}
      @click=${act}
    >
      ${icon}
    </button>`;
  }

  #thumbs(message: Message): TemplateResult {
    const thumb = (signal: "positive" | "negative", label: string, icon: TemplateResult) => {
      const given = message.feedback === signal;
      return html`<button
        type="button"
        class="button button--icon button--small"
        aria-label=${label}
        title=${given ? msg("Take the rating back") : label}
        aria-pressed=${String(given)}
        ?disabled=${!this.canWrite}
        @click=${() => {
          // The second click takes the rating back.
          this.#act({ kind: "rate", messageId: message.id, signal: given ? "neutral" : signal });
        }}
      >
        ${icon}
      </button>`;
    };
    return html`${thumb("positive", msg("Good answer"), ICONS.thumbUp)}
    ${thumb("negative", msg("Bad answer"), ICONS.thumbDown)}`;
  }

  #switcher(message: Message): TemplateResult | typeof nothing {
    const { variants } = message;
    if (variants === null || variants.count < 2) return nothing;
    const { index, count, branch_ids: branches } = variants;
    const step = (by: number, label: string, icon: TemplateResult): TemplateResult => {
      const branchId = branches[index - 1 + by];
      return html`<button
        type="button"
        class="button button--icon button--small"
        aria-label=${label}
        title=${label}
        ?data-end=${branchId === undefined}
        ?disabled=${branchId === undefined}
        aria-disabled=${this.busy || this.locked ? "true" : nothing}
        @click=${() => {
          if (branchId !== undefined && !this.busy && !this.locked) {
            this.#act({ kind: "branch", branchId, messageId: message.id });
          }
        }}
      >
        ${icon}
      </button>`;
    };
    return html`<div class="switcher" data-testid="branch-switcher" role="group" aria-label=${msg("Versions")}>
      ${step(-1, msg("Previous version"), ICONS.left)}
      <span aria-live="polite">${index} / ${count}</span>
      ${step(1, msg("Next version"), ICONS.right)}
    </div>`;
  }

  /** Gives the focus to whichever step of the switcher can be taken. */
  focusSwitcher(): void {
    const steps = this.querySelectorAll<HTMLButtonElement>(".switcher button");
    // Busy buttons are disabled for a moment, and what is disabled cannot hold the focus.
    const usable = [...steps].find((step) => !step.hasAttribute("data-end"));
    usable?.focus({ preventScroll: true });
  }

  async #copy(text: string): Promise<void> {
    this.copied = await copyText(text);
    this.services.announcer.say(this.copied ? msg("Copied") : msg("Copying failed"));
    setTimeout(() => {
      this.copied = null;
    }, 2000);
  }

  get #editPlace(): string {
    return `edit.${this.message.id}`;
  }

  async #startEdit(): Promise<void> {
    this.editing = true;
    await this.updateComplete;
    const field = this.editField;
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  }

  readonly #keepEdit = (): void => {
    this.services.hub.drafts.write(this.#editPlace, this.editField?.value ?? "");
  };

  readonly #onEditKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      void this.#endEdit();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#sendEdit(event);
    }
  };

  readonly #sendEdit = (event: Event): void => {
    event.preventDefault();
    const text = this.editField?.value.trim() ?? "";
    if (text === "" || this.busy || this.locked) return;
    this.#act({
      kind: "edit",
      messageId: this.message.id,
      text,
      done: (sent) => {
        // Where the focus goes next is for the page to say: this message is no longer shown.
        if (sent) this.#closeEdit();
      },
    });
  };

  #closeEdit(): void {
    this.services.hub.drafts.write(this.#editPlace, "");
    this.editing = false;
  }

  readonly #endEdit = async (): Promise<void> => {
    this.#closeEdit();
    await this.updateComplete;
    this.querySelector<HTMLElement>(`[aria-label="${CSS.escape(msg("Edit message"))}"]`)?.focus();
  };

  #act(act: MessageAct): void {
    this.dispatchEvent(new CustomEvent<MessageAct>("message-act", { detail: act, bubbles: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-message": MessageView;
  }
}
