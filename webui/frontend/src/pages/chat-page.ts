/**
 * The chat: one conversation, or the start of a new one.
 *
 * Ties the store of the conversation to messages, composer, scrolling and announcements. What
 * a new conversation needs is made with its first message, so an unused one never exists.
 */
import { msg, str } from "@lit/localize";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { keyed } from "lit/directives/keyed.js";
import { repeat } from "lit/directives/repeat.js";
import { problemOf } from "../api/http";
import type { Message } from "../api/types";
import "../chat/composer";
import type { Composer } from "../chat/composer";
import "../chat/connection-line";
import type { ConversationStore } from "../chat/conversation-store";
import "../chat/message-view";
import type { MessageAct, MessageView } from "../chat/message-view";
import "../chat/new-conversation";
import type { NewConversation } from "../chat/new-conversation";
import { pendingView } from "../chat/pending-view";
import { ScrollKeeper } from "../chat/scroll-keeper";
import { SpokenAnswer } from "../chat/spoken-answer";
import { HOME, conversationPath } from "../router/routes";
import { StoreController } from "../store";
import { ICONS } from "../ui/icons";
import { LightElement } from "../ui/light-element";
import { emptyView, problemView, skeleton } from "../ui/states";

@customElement("soma-chat-page")
export class ChatPage extends LightElement {
  @property({ attribute: false }) conversationId: string | null = null;
  @state() private starting = false;
  @query("soma-composer") private readonly composer!: Composer | null;
  @query("soma-new-conversation") private readonly start!: NewConversation | null;
  @query(".thread") private readonly thread!: HTMLElement | null;
  #store: ConversationStore | null = null;
  readonly #follow = new StoreController(this);
  readonly #outbox = new StoreController(this);
  readonly #session = new StoreController(this);
  readonly #spoken = new SpokenAnswer();
  readonly #scroll = new ScrollKeeper(this, () => {
    if (this.#store !== null && this.#store.state.olderProblem === null) void this.#loadOlder();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.#outbox.follow(this.services.hub.outbox);
    this.#session.follow(this.services.session);
    document.addEventListener("keydown", this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#onKey);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("conversationId")) return;
    this.#store =
      this.conversationId === null ? null : this.services.hub.open(this.conversationId);
    this.#follow.follow(this.#store);
    this.#scroll.following = true;
    this.#spoken.reset();
    const { outbox } = this.services.hub;
    if (this.#store !== null && outbox.forConversation(this.#store.id).length > 0) {
      this.#spoken.expect([]);
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    this.#scroll.attach(this.thread, this.thread?.firstElementChild ?? null);
    if (changed.has("conversationId")) {
      this.#scroll.jumpToEnd();
      this.composer?.focus();
    }
    this.#setTitle();
    const open = this.#store?.state.open ?? null;
    for (const line of this.#spoken.next(open, this.#store?.state.messages ?? [])) {
      this.services.announcer.say(line);
    }
  }

  protected override render(): TemplateResult {
    return html`
      <header class="page__head">
        <h1 class="page__title">${this.#heading()}</h1>
        ${this.#store?.state.conversation == null
          ? nothing
          : html`<span class="page__sub">${this.#store.state.conversation.agent_name}</span>`}
      </header>
      <soma-connection-line></soma-connection-line>
      <main id="main" class="chat" tabindex="-1">
        ${this.#store === null ? this.#newConversation() : this.#conversation(this.#store)}
        ${this.#composer()}
      </main>
    `;
  }

  #heading(): string {
    if (this.#store === null) return msg("New conversation");
    return this.#store.state.conversation?.title ?? msg("Untitled");
  }

  #setTitle(): void {
    const title = `${this.#heading()} · SomaAgent`;
    if (document.title !== title) document.title = title;
  }

  #newConversation(): TemplateResult {
    return html`<div class="thread thread--new" data-start>
      <soma-new-conversation></soma-new-conversation>
    </div>`;
  }

  #conversation(store: ConversationStore): TemplateResult {
    const { phase, problem } = store.state;
    if (phase === "loading") {
      return html`<div class="thread"><div class="thread__list">
        ${skeleton(5, msg("Loading the conversation…"))}
      </div></div>`;
    }
    if (phase === "missing") {
      return html`<div class="thread"><div class="thread__list">
        ${emptyView(
          msg("This conversation does not exist"),
          msg("It may have been deleted, or it belongs to someone else."),
          html`<a class="button button--primary" href=${HOME}>${msg("Start a new one")}</a>`,
        )}
      </div></div>`;
    }
    if (phase === "error" && problem !== null) {
      return html`<div class="thread"><div class="thread__list">
        ${problemView(problem, () => void store.load())}
      </div></div>`;
    }
    return keyed(store.id, this.#messages(store)) as TemplateResult;
  }

  #messages(store: ConversationStore): TemplateResult {
    const { messages, open, busy, conversation } = store.state;
    const { outbox } = this.services.hub;
    const pending = outbox.forConversation(store.id);
    const isEmpty = messages.length === 0 && pending.length === 0;
    return html`<div
        class="thread"
        tabindex="0"
        role="region"
        aria-label=${msg("Messages")}
        @message-act=${this.#onAct}
      >
        <div class="thread__list">
          ${this.#older(store)}
          ${isEmpty
            ? emptyView(msg("Nothing said yet"), msg("Write the first message below."))
            : nothing}
          ${repeat(
            messages,
            (message) => message.id,
            (message) => html`<soma-message
              .message=${message}
              .turn=${open?.message_id === message.id ? open : null}
              .agentName=${conversation?.agent_name ?? msg("Agent")}
              .busy=${busy}
              .locked=${open !== null}
              .canWrite=${this.#canWrite}
              .isLast=${message === messages.at(-1)}
            ></soma-message>`,
          )}
          ${repeat(
            pending,
            (item) => item.client_key,
            (item) =>
              pendingView(item, outbox.isInFlight(item.client_key), {
                retry: (key) => {
                  outbox.retry(key);
                },
                edit: (key) => {
                  this.composer?.fill(outbox.withdraw(key));
                },
              }),
          )}
        </div>
      </div>
      ${this.#scroll.following
        ? nothing
        : html`<button
            type="button"
            class="button button--round jump"
            aria-label=${msg("Jump to the newest message")}
            title=${msg("Jump to the newest message")}
            @click=${() => {
              this.#scroll.jumpToEnd();
            }}
          >
            ${ICONS.down}
          </button>`}`;
  }

  #older(store: ConversationStore): TemplateResult | typeof nothing {
    const { before, loadingOlder, olderProblem } = store.state;
    if (olderProblem !== null) return problemView(olderProblem, () => void this.#loadOlder());
    if (before === null) return nothing;
    return html`<button
      type="button"
      class="button button--quiet older"
      ?disabled=${loadingOlder}
      @click=${() => void this.#loadOlder()}
    >
      ${loadingOlder ? msg("Loading earlier messages…") : msg("Show earlier messages")}
    </button>`;
  }

  #composer(): TemplateResult {
    const state = this.#store?.state ?? null;
    const closed = this.#canWrite
      ? state?.phase === "missing" || state?.phase === "error"
        ? msg("This conversation cannot be written to")
        : ""
      : this.services.session.state.me?.tenant?.is_suspended === true
        ? msg("Your organisation is suspended: nothing can be written now")
        : msg("Your role lets you read here, but not write");
    return html`<soma-composer
      .place=${this.conversationId ?? "new"}
      .answering=${state !== null && state.open !== null}
      .stopping=${state?.stopping ?? false}
      .sending=${this.starting}
      .closed=${closed}
      @submit-text=${this.#onSubmit}
      @stop-answer=${this.#onStop}
    ></soma-composer>`;
  }

  get #canWrite(): boolean {
    return this.services.session.may("tenant.use");
  }

  readonly #onSubmit = (event: CustomEvent<string>): void => {
    if (this.#store === null) {
      void this.#begin(event.detail);
      return;
    }
    this.#spoken.expect(this.#store.state.messages);
    this.services.hub.outbox.add(this.#store.id, event.detail);
    this.composer?.clear();
    this.#scroll.jumpToEnd();
  };

  /** Makes the conversation and sends its first message; on failure the text stays. */
  async #begin(text: string): Promise<void> {
    const { api, hub, router, toasts } = this.services;
    this.starting = true;
    try {
      // Someone may write faster than the list of agents loads.
      const agent = (await this.start?.agent()) ?? null;
      if (agent === null) {
        toasts.say(msg("There is no agent to talk to yet."));
        return;
      }
      const conversation = await api.createConversation(agent.id);
      hub.list.lift(conversation);
      hub.open(conversation.id);
      hub.outbox.add(conversation.id, text);
      this.composer?.clear();
      router.go(conversationPath(conversation.id), { replace: true });
    } catch (failure) {
      toasts.problem(problemOf(failure));
    } finally {
      this.starting = false;
    }
  }

  readonly #onStop = (): void => {
    void this.#store?.stop();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    if (document.querySelector("dialog[open], [popover]:popover-open") !== null) return;
    if (this.#store?.state.open == null) return;
    event.preventDefault();
    this.#onStop();
  };

  readonly #onAct = async (event: CustomEvent<MessageAct>): Promise<void> => {
    const store = this.#store;
    const act = event.detail;
    if (store === null) return;
    switch (act.kind) {
      case "retry":
        this.#spoken.expect(store.state.messages);
        this.#scroll.following = true;
        if (await store.retry(act.turnId)) this.composer?.focus();
        break;
      case "continue":
        this.#spoken.expect(store.state.messages);
        this.#scroll.following = true;
        if (await store.continueTurn(act.turnId)) this.composer?.focus();
        break;
      case "edit": {
        this.#spoken.expect(store.state.messages);
        const sent = await store.edit(act.messageId, act.text);
        act.done(sent);
        if (sent) {
          this.#scroll.jumpToEnd();
          this.composer?.focus();
        }
        break;
      }
      case "branch":
        await this.#switchBranch(store, act.branchId, act.messageId);
        break;
      case "rate":
        if (await store.rate(act.messageId, act.signal)) {
          this.services.announcer.say(
            act.signal === "neutral" ? msg("Rating taken back") : msg("Thank you for the rating"),
          );
        }
        break;
    }
  };

  /** The switched message keeps its place on screen and the focus stays on its switcher. */
  async #switchBranch(store: ConversationStore, branchId: string, messageId: string): Promise<void> {
    const at = store.state.messages.find((message) => message.id === messageId);
    this.#scroll.following = false;
    await store.switchBranch(branchId, () => {
      const sibling = store.state.messages.find(
        (message) => message.parent_id === at?.parent_id && message.role === at.role,
      );
      if (sibling !== undefined) void this.#returnTo(sibling);
    });
  }

  async #returnTo(message: Message): Promise<void> {
    await this.updateComplete;
    const element = this.querySelector<MessageView>(`soma-message:has([data-id="${CSS.escape(message.id)}"])`);
    await element?.updateComplete;
    element?.scrollIntoView({ block: "nearest" });
    element?.focusSwitcher();
    const { variants } = message;
    if (variants === null) return;
    this.services.announcer.say(msg(str`Version ${variants.index} of ${variants.count}`));
  }

  async #loadOlder(): Promise<void> {
    const store = this.#store;
    if (store !== null) await this.#scroll.holding(() => store.loadOlder());
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "soma-chat-page": ChatPage;
  }
}
