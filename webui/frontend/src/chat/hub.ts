/**
 * Everything live of the signed-in person: the socket, the outbox, the list, the conversations.
 *
 * Routes frames to whoever they concern. Keeps the conversations visited last up to date, so
 * that going back is instant and a title that arrives late still finds its place.
 */
import type { Api } from "../api/api";
import { readProblem } from "../api/problem";
import type { Problem } from "../api/types";
import type { ServerFrame } from "../generated/frames";
import { HealthStore } from "../health/health-store";
import { ModeStore } from "../settings/mode-store";
import { ConversationStore } from "./conversation-store";
import { Drafts } from "./drafts";
import { ConversationListStore } from "./list-store";
import { Outbox } from "./outbox";
import { ChatSocket } from "./socket";

export interface HubHooks {
  userId(): string;
  onProblem(problem: Problem): void;
  onSessionEnded(): void;
  onDoubt(): void;
}

const KEPT_CONVERSATIONS = 8;

function socketUrl(): string {
  const url = new URL("/ws/v2/chat", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export class ChatHub {
  readonly socket: ChatSocket;
  readonly outbox: Outbox;
  readonly list: ConversationListStore;
  readonly drafts: Drafts;
  readonly health = new HealthStore();
  readonly mode = new ModeStore();
  #stores: ConversationStore[] = [];
  #running = false;

  constructor(
    private readonly api: Api,
    private readonly hooks: HubHooks,
  ) {
    this.drafts = new Drafts(localStorage, () => hooks.userId());
    this.list = new ConversationListStore(api, (problem) => {
      hooks.onProblem(problem);
    });
    this.socket = new ChatSocket(socketUrl, {
      onFrame: (frame) => {
        this.#onFrame(frame);
      },
      onOpen: () => {
        this.#onOpen();
      },
      onSessionEnded: () => {
        hooks.onSessionEnded();
      },
      onDoubt: () => {
        hooks.onDoubt();
      },
    });
    this.outbox = new Outbox(
      localStorage,
      () => hooks.userId(),
      (type, payload) => this.socket.send(type, payload),
    );
  }

  /** Someone has signed in. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.outbox.load();
    this.socket.start();
    void this.list.load();
    addEventListener("storage", this.#onStorage);
  }

  /** Nobody is signed in any more; what was typed stays in storage. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    removeEventListener("storage", this.#onStorage);
    this.socket.stop();
    this.list.reset();
    this.health.reset();
    this.mode.reset();
    for (const store of this.#stores) store.close();
    this.#stores = [];
  }

  /** The store of a conversation, loading unless it was visited a moment ago. */
  open(conversationId: string): ConversationStore {
    let store = this.#stores.find((candidate) => candidate.id === conversationId);
    if (store === undefined) {
      store = new ConversationStore(conversationId, this.api, this.socket, (problem) => {
        this.hooks.onProblem(problem);
      });
      store.watch();
      void store.load();
    } else if (store.state.phase !== "ready") {
      void store.load();
    }
    this.#keep(store);
    return store;
  }

  forget(conversationId: string): void {
    this.#stores.find((store) => store.id === conversationId)?.close();
    this.#stores = this.#stores.filter((store) => store.id !== conversationId);
    this.socket.send("conversation.unwatch", { conversation_id: conversationId });
  }

  #keep(store: ConversationStore): void {
    this.#stores = [store, ...this.#stores.filter((other) => other !== store)];
    for (const old of this.#stores.slice(KEPT_CONVERSATIONS)) this.forget(old.id);
  }

  #onOpen(): void {
    const reconnected = this.socket.state.connections > 1;
    for (const store of this.#stores) {
      store.watch();
      if (reconnected) void store.load();
    }
    this.outbox.flush();
    if (reconnected) void this.list.load();
  }

  #onFrame(frame: ServerFrame): void {
    if (frame.type === "chat.accepted") this.outbox.accepted(frame.payload.client_key);
    if (frame.type === "error") {
      const { ref, turn, problem } = frame.payload;
      this.#onError(ref, turn, readProblem(problem));
      return;
    }
    this.list.onFrame(frame);
    this.health.onFrame(frame);
    this.mode.onFrame(frame);
    if (!("conversation_id" in frame.payload)) return;
    const { conversation_id: id } = frame.payload;
    this.#stores.find((store) => store.id === id)?.onFrame(frame);
  }

  #onError(ref: string | null, turn: string | null, problem: Problem): void {
    if (this.outbox.refused(ref, problem)) return;
    if (turn !== null) this.#stores.find((store) => store.knowsTurn(turn))?.onTurnProblem();
    this.hooks.onProblem(problem);
  }

  /** Another tab has sent or taken back a message. */
  readonly #onStorage = (event: StorageEvent): void => {
    if (event.key?.startsWith("soma.outbox.") === true) this.outbox.load();
  };
}
