/**
 * One conversation on screen: its messages, its open turn, and what the user does with them.
 *
 * Frames and pages meet here; the law of turns lives in `turn-reducer.ts`, the order of
 * messages in `thread.ts`. It never sends a message itself: that is the outbox's.
 */
import type { Api } from "../api/api";
import { ApiError, problemOf } from "../api/http";
import type { Conversation, Message, Problem, Signal, TurnRef, TurnState } from "../api/types";
import type { ServerFrame, ServerPayloads } from "../generated/frames";
import { Store } from "../store";
import type { Link } from "./link";
import { answerPlace, blankAnswer, leavesGap, mergeMessages, withTurn } from "./thread";
import { adoptTurnState, applyFrame, asTurnFrame, blankTurn } from "./turn-reducer";
import type { TurnFrame, TurnView } from "./turn-reducer";

export interface ConversationState {
  phase: "loading" | "ready" | "error" | "missing";
  problem: Problem | null;
  conversation: Conversation | null;
  branchId: string | null;
  messages: readonly Message[];
  /** The turn that is being answered on the shown branch. */
  open: TurnView | null;
  stopping: boolean;
  before: number | null;
  loadingOlder: boolean;
  olderProblem: Problem | null;
  /** An action of the user that is on its way: its buttons wait. */
  busy: boolean;
}

const PAGE_SIZE = 50;
/** A turn that says nothing for this long is asked for over REST. */
const SILENCE_MS = 8_000;
/** The same after the user has asked for its end, which comes at once. */
const STOP_SILENCE_MS = 2_000;

export class ConversationStore extends Store<ConversationState> {
  readonly #turns = new Map<string, TurnView>();
  /** Per turn, from where a resume was last asked: one gap is asked for once. */
  readonly #resumed = new Map<string, number>();
  /** Messages accepted while the first page was still on its way. */
  readonly #early: (readonly [ServerPayloads["chat.accepted"], string])[] = [];
  #loading = 0;
  /** The title told last: it may arrive while an older answer of the server is on its way. */
  #title: string | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    private readonly api: Api,
    private readonly link: Link,
    private readonly onProblem: (problem: Problem) => void,
  ) {
    super({
      phase: "loading",
      problem: null,
      conversation: null,
      branchId: null,
      messages: [],
      open: null,
      stopping: false,
      before: null,
      loadingOlder: false,
      olderProblem: null,
      busy: false,
    });
  }

  /** Asks for the frames of this conversation; without a connection the next one will. */
  watch(): void {
    this.#resumed.clear();
    this.link.send("conversation.watch", { conversation_id: this.id });
  }

  /** Reads the newest page of the active branch, keeping older pages that still fit. */
  async load(): Promise<void> {
    if (this.state.phase === "error") this.patch({ phase: "loading", problem: null });
    try {
      const conversation = await this.api.conversation(this.id);
      this.patch({ conversation: { ...conversation, title: conversation.title ?? this.#title } });
      await this.#show(conversation.active_branch_id);
    } catch (failure) {
      const problem = problemOf(failure);
      const missing = failure instanceof ApiError && problem.status === 404;
      if (this.state.phase === "ready" && !missing) return;
      this.patch({ phase: missing ? "missing" : "error", problem });
    }
  }

  async loadOlder(): Promise<void> {
    const { before, loadingOlder, branchId } = this.state;
    if (before === null || loadingOlder) return;
    this.patch({ loadingOlder: true, olderProblem: null });
    try {
      const page = await this.api.messages(this.id, {
        branch_id: branchId,
        before,
        limit: PAGE_SIZE,
      });
      if (this.state.branchId !== branchId) return;
      const messages = mergeMessages(this.state.messages, page.items);
      this.patch({ messages, before: page.next_before, loadingOlder: false });
    } catch (failure) {
      this.patch({ loadingOlder: false, olderProblem: problemOf(failure) });
    }
  }

  /** Asks the server to stop the answer; its last frame tells when it has. */
  async stop(): Promise<void> {
    const { open } = this.state;
    if (open === null || this.state.stopping) return;
    this.patch({ stopping: true });
    if (this.link.send("chat.cancel", { turn: open.turn }) !== null) {
      this.#expectFrames(STOP_SILENCE_MS);
      return;
    }
    await this.#act(async () => {
      this.#adopt(await this.api.cancelTurn(open.turn));
    });
    this.patch({ stopping: false });
  }

  /** Nobody looks at this conversation any more. */
  close(): void {
    clearTimeout(this.#watchdog);
  }

  retry(turnId: string): Promise<boolean> {
    return this.#start(() => this.api.retryTurn(turnId, crypto.randomUUID()));
  }

  continueTurn(turnId: string): Promise<boolean> {
    return this.#start(() => this.api.continueTurn(turnId, crypto.randomUUID()));
  }

  edit(messageId: string, content: string): Promise<boolean> {
    return this.#start(() => this.api.editMessage(messageId, content, crypto.randomUUID()));
  }

  /** Shows another branch (then calls `shown`) and makes it the active one, for every tab. */
  async switchBranch(branchId: string, shown: () => void): Promise<boolean> {
    return await this.#act(async () => {
      await this.#show(branchId);
      shown();
      const conversation = await this.api.updateConversation(this.id, {
        active_branch_id: branchId,
      });
      this.patch({ conversation });
    });
  }

  async rate(messageId: string, signal: Signal): Promise<boolean> {
    return await this.#act(async () => {
      const message = await this.api.giveFeedback(messageId, signal);
      this.patch({ messages: mergeMessages(this.state.messages, [message]) });
    });
  }

  onFrame(frame: ServerFrame): void {
    const turnFrame = asTurnFrame(frame);
    if (turnFrame !== null) {
      this.#onTurnFrame(turnFrame);
      return;
    }
    switch (frame.type) {
      case "watching":
        this.#onWatching(frame.payload.open_turn);
        break;
      case "chat.accepted":
        this.#onAccepted(frame.payload, frame.timestamp);
        break;
      case "title_update":
        this.#title = frame.payload.title;
        if (this.state.conversation !== null) {
          const { title } = frame.payload;
          this.patch({ conversation: { ...this.state.conversation, title } });
        }
        break;
      case "conversation.changed":
        void this.load();
        break;
      default:
    }
  }

  /** A request about a turn failed: read again what is true of it. */
  onTurnProblem(): void {
    this.patch({ stopping: false });
    void this.load();
  }

  knowsTurn(turn: string): boolean {
    return this.#turns.has(turn);
  }

  adoptConversation(conversation: Conversation): void {
    this.patch({ conversation });
  }

  /** Null stands for the branch that begins with the first message. */
  async #show(branchId: string | null): Promise<void> {
    const ticket = (this.#loading += 1);
    const page = await this.api.messages(this.id, { branch_id: branchId, limit: PAGE_SIZE });
    if (ticket !== this.#loading) return;
    // The first message was accepted while this page was read: the page is the older news.
    if (branchId === null && this.state.branchId !== null) return;
    const sameBranch = branchId === this.state.branchId;
    const known = sameBranch ? this.state.messages : [];
    const keep = sameBranch && !(page.next_before !== null && leavesGap(known, page.items));
    this.patch({
      phase: "ready",
      problem: null,
      branchId,
      messages: keep ? mergeMessages(known, page.items) : page.items,
      before: keep && known.length > 0 ? this.state.before : page.next_before,
      olderProblem: null,
    });
    this.#reconcileOpen(page.open_turn);
    for (const [accepted, at] of this.#early.splice(0)) this.#onAccepted(accepted, at);
  }

  /** Watching tells of an open turn once; its frames have to be asked for. */
  #onWatching(openTurn: TurnState | null): void {
    if (this.state.phase === "ready") this.#reconcileOpen(openTurn);
    if (openTurn === null) return;
    const view = adoptTurnState(this.#turns.get(openTurn.id) ?? null, openTurn);
    this.#turns.set(openTurn.id, view);
    this.#resume(view);
  }

  /** Agrees with the server on which turn is open; asks for the end of one that no longer is. */
  #reconcileOpen(openTurn: TurnState | null): void {
    const { open } = this.state;
    if (open !== null && open.turn !== openTurn?.id) this.#resume(open);
    if (openTurn !== null) this.#adopt(openTurn);
  }

  #adopt(turn: TurnState): void {
    const view = adoptTurnState(this.#turns.get(turn.id) ?? null, turn);
    if (turn.branch_id === this.state.branchId && !this.#hasMessage(turn.message_id)) {
      const last = this.state.messages.at(-1);
      const answer = blankAnswer({
        id: turn.message_id,
        conversation_id: turn.conversation_id,
        branch_id: turn.branch_id,
        seq: (last?.seq ?? 0) + 1,
        parent_id: turn.user_message_id ?? last?.id ?? null,
        created_at: turn.created_at,
        turn_id: turn.id,
      });
      this.patch({ messages: mergeMessages(this.state.messages, [answer]) });
    }
    this.#learn(view);
  }

  #onAccepted(accepted: ServerPayloads["chat.accepted"], at: string): void {
    if (this.state.phase !== "ready") {
      this.#early.push([accepted, at]);
      return;
    }
    if (this.state.branchId === null) {
      this.patch({ branchId: accepted.branch_id });
    } else if (accepted.branch_id !== this.state.branchId) {
      void this.load();
      return;
    }
    const fresh = accepted.user_message === null ? [] : [accepted.user_message];
    let { messages } = this.state;
    messages = mergeMessages(messages, fresh);
    if (!messages.some((message) => message.id === accepted.message_id)) {
      const place = answerPlace(accepted, at);
      const seq = accepted.user_message === null ? (messages.at(-1)?.seq ?? 0) + 1 : place.seq;
      messages = mergeMessages(messages, [{ ...place, seq }]);
    }
    this.patch({ messages });
    const ended = messages.some(
      (message) => message.id === accepted.message_id && message.turn_state !== "open",
    );
    const known = this.#turns.get(accepted.turn);
    if (!ended) this.#learn(known ?? blankTurn(this.id, accepted.turn, accepted.message_id));
  }

  #onTurnFrame(frame: TurnFrame): void {
    const known = this.#turns.get(frame.turn) ?? null;
    const { view, verdict } = applyFrame(known, frame);
    if (verdict === "gap") {
      this.#resume(known ?? blankTurn(this.id, frame.turn, frame.message_id));
    } else if (verdict === "applied" && view !== null) {
      this.#learn(view);
    }
  }

  #resume(view: TurnView): void {
    if (this.#resumed.get(view.turn) === view.seq) return;
    const sent = this.link.send("resume", { turn: view.turn, after: view.seq });
    if (sent !== null) this.#resumed.set(view.turn, view.seq);
  }

  #learn(view: TurnView): void {
    this.#turns.set(view.turn, view);
    if (!this.#hasMessage(view.message_id)) return;
    if (view.state === "open") {
      this.patch({ open: view });
      this.#expectFrames(this.state.stopping ? STOP_SILENCE_MS : SILENCE_MS);
      return;
    }
    const listed = this.state.messages.find(({ id }) => id === view.message_id);
    const messages = this.state.messages.map((message) =>
      message === listed ? withTurn(message, view) : message,
    );
    const wasOpen = this.state.open?.turn === view.turn;
    if (wasOpen) clearTimeout(this.#watchdog);
    this.patch(wasOpen ? { messages, open: null, stopping: false } : { messages });
    this.#resumed.delete(view.turn);
    if (wasOpen || listed?.turn_state === "open") void this.#refreshEnd();
  }

  /** Sockets can lose a last frame; the record cannot. Asks it when the stream falls silent. */
  #expectFrames(silenceMs: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => void this.#askRecord(), silenceMs);
  }

  async #askRecord(): Promise<void> {
    const { open, stopping } = this.state;
    if (open === null) return;
    try {
      this.#adopt(await (stopping ? this.api.cancelTurn(open.turn) : this.api.turn(open.turn)));
    } catch {
      // No connection: the next one reads everything again.
      this.#expectFrames(SILENCE_MS);
    }
  }

  /** The stored row of a finished answer knows its variants and its place. */
  async #refreshEnd(): Promise<void> {
    const { branchId } = this.state;
    try {
      const page = await this.api.messages(this.id, { branch_id: branchId, limit: 2 });
      if (this.state.branchId !== branchId || leavesGap(this.state.messages, page.items)) return;
      this.patch({ messages: mergeMessages(this.state.messages, page.items) });
    } catch {
      // What is shown is right already; only the switcher of variants has to wait.
    }
  }

  async #start(ask: () => Promise<TurnRef>): Promise<boolean> {
    return await this.#act(async () => {
      const ref = await ask();
      await this.#show(ref.branch_id);
    });
  }

  async #act(action: () => Promise<void>): Promise<boolean> {
    this.patch({ busy: true });
    try {
      await action();
      return true;
    } catch (failure) {
      this.onProblem(problemOf(failure));
      return false;
    } finally {
      this.patch({ busy: false });
    }
  }

  #hasMessage(id: string): boolean {
    return this.state.messages.some((message) => message.id === id);
  }
}
