/**
 * The field in which messages are written.
 *
 * Keeps a draft per conversation on every key stroke. Enter sends, Shift+Enter makes a line,
 * Escape stops the answer. It hands text out by the `submit-text` event and never sends itself.
 */
import { msg } from "@lit/localize";
import { html } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";

@customElement("soma-composer")
export class Composer extends LightElement {
  /** Under which name the draft is kept. */
  @property() place = "new";
  @property({ type: Boolean }) answering = false;
  @property({ type: Boolean }) stopping = false;
  /** Why nobody can write here, or the empty string. */
  @property() closed = "";
  @property({ type: Boolean }) sending = false;
  @state() private text = "";
  @query("textarea") private readonly field!: HTMLTextAreaElement;

  override focus(): void {
    // Asked for before the first render too: the field is there once that is complete.
    void this.updateComplete.then(() => {
      this.field.focus();
    });
  }

  /** Puts text into the field, as when a message is taken back. */
  fill(text: string): void {
    this.#write(this.text.trim() === "" ? text : `${this.text}\n${text}`);
    this.focus();
  }

  /** Empties the field once its text is safe elsewhere. */
  clear(): void {
    this.#write("");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("place")) this.text = this.services.hub.drafts.read(this.place);
  }

  protected override updated(): void {
    if (this.field.value !== this.text) this.field.value = this.text;
    this.#grow();
  }

  protected override render(): TemplateResult {
    const blocked = this.text.trim() === "" || this.sending || this.closed !== "";
    return html`<form class="composer" data-testid="composer" @submit=${this.#submit}>
      <label class="visually-hidden" for="message-text">${msg("Message")}</label>
      <textarea
        id="message-text"
        class="composer__field"
        rows="1"
        enterkeyhint="send"
        placeholder=${this.closed === "" ? msg("Write a message") : ""}
        aria-describedby="composer-hint"
        ?disabled=${this.closed !== ""}
        @input=${this.#onInput}
        @keydown=${this.#onKey}
      ></textarea>
      <div class="composer__bar">
        <p id="composer-hint" class="composer__hint">
          ${this.#hint()}
        </p>
        ${this.answering
          ? html`<button
              type="button"
              class="button button--round"
              data-testid="stop"
              aria-label=${this.stopping ? msg("Stopping…") : msg("Stop the answer")}
              title=${msg("Stop the answer")}
              ?disabled=${this.stopping}
              @click=${this.#stop}
            >
              ${ICONS.stop}
            </button>`
          : html`<button
              type="submit"
              class="button button--round button--primary"
              data-testid="send"
              aria-label=${msg("Send")}
              title=${msg("Send")}
              ?disabled=${blocked}
            >
              ${ICONS.send}
            </button>`}
      </div>
    </form>`;
  }

  #hint(): string {
    if (this.closed !== "") return this.closed;
    return this.answering
      ? msg("Escape stops the answer.")
      : msg("Enter sends, Shift+Enter starts a new line.");
  }

  readonly #onInput = (): void => {
    this.#write(this.field.value);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    // An input method uses Enter to choose a word: that must not send.
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.#submit(event);
    }
  };

  readonly #submit = (event: Event): void => {
    event.preventDefault();
    const text = this.text.trim();
    if (text === "" || this.answering || this.sending || this.closed !== "") return;
    this.dispatchEvent(new CustomEvent("submit-text", { detail: text }));
  };

  readonly #stop = (): void => {
    this.dispatchEvent(new CustomEvent("stop-answer"));
    this.field.focus();
  };

  #write(text: string): void {
    this.text = text;
    this.services.hub.drafts.write(this.place, text);
  }

  /** As high as its text, up to the limit that the stylesheet sets. */
  #grow(): void {
    this.field.style.height = "auto";
    this.field.style.height = `${String(this.field.scrollHeight)}px`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-composer": Composer;
  }
}
