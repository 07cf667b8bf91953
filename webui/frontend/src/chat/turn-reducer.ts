/**
 * What a client knows of one turn, as a pure function of the frames it has seen.
 *
 * The knowledge is itself a snapshot, so the law is: `apply*(snapshot(n), frames n+1..m)`
 * equals `snapshot(m)`. Frames are applied only in sequence; a frame seen before changes
 * nothing, a frame too early asks for a resume. Must never read the clock or the network.
 */
import type { TurnState } from "../api/types";
import type { ServerFrame, ServerPayloads } from "../generated/frames";

type Payload<T extends keyof ServerPayloads> = ServerPayloads[T];

export type TurnView = Readonly<Payload<"chat.snapshot">>;

export type SequencedFrame =
  | ({ type: "chat.delta" } & Payload<"chat.delta">)
  | ({ type: "chat.note" } & Payload<"chat.note">)
  | ({ type: "chat.done" } & Payload<"chat.done">);

export type TurnFrame = SequencedFrame | ({ type: "chat.snapshot" } & Payload<"chat.snapshot">);

/** `gap`: frames between the known one and this one are missing; ask for them. */
export type Verdict = "applied" | "duplicate" | "gap";

export interface Applied {
  view: TurnView | null;
  verdict: Verdict;
}

/** The view of a turn of which nothing has been seen yet. */
export function blankTurn(conversationId: string, turn: string, messageId: string): TurnView {
  return {
    conversation_id: conversationId,
    turn,
    message_id: messageId,
    seq: 0,
    state: "open",
    content: "",
    degraded: [],
    recalled: [],
    model: null,
    usage: null,
    error: null,
  };
}

/** The same knowledge, read from the REST representation of a turn. */
export function viewOfTurnState(turn: TurnState): TurnView {
  return {
    conversation_id: turn.conversation_id,
    turn: turn.id,
    message_id: turn.message_id,
    seq: turn.seq,
    state: turn.state,
    content: turn.content,
    degraded: turn.degraded,
    recalled: turn.recalled,
    model: turn.model,
    usage: turn.usage,
    error: turn.error,
  };
}

function viewOfSnapshot(frame: Payload<"chat.snapshot">): TurnView {
  return {
    conversation_id: frame.conversation_id,
    turn: frame.turn,
    message_id: frame.message_id,
    seq: frame.seq,
    state: frame.state,
    content: frame.content,
    degraded: frame.degraded,
    recalled: frame.recalled,
    model: frame.model,
    usage: frame.usage,
    error: frame.error,
  };
}

function applyNext(view: TurnView, frame: SequencedFrame): TurnView {
  switch (frame.type) {
    case "chat.delta":
      return { ...view, seq: frame.seq, content: view.content + frame.delta };
    case "chat.note":
      return {
        ...view,
        seq: frame.seq,
        degraded: frame.degraded,
        recalled: frame.recalled,
      };
    case "chat.done":
      return {
        ...view,
        seq: frame.seq,
        state: frame.state,
        content: frame.content,
        degraded: frame.degraded,
        recalled: frame.recalled,
        model: frame.model,
        usage: frame.usage,
        error: frame.error,
      };
  }
}

/** One step of knowledge: the next view, and what to think of the frame. */
export function applyFrame(view: TurnView | null, frame: TurnFrame): Applied {
  if (frame.type === "chat.snapshot") return { view: viewOfSnapshot(frame), verdict: "applied" };
  const known = view ?? blankTurn(frame.conversation_id, frame.turn, frame.message_id);
  if (frame.seq <= known.seq) return { view, verdict: "duplicate" };
  if (frame.seq > known.seq + 1) return { view, verdict: "gap" };
  return { view: applyNext(known, frame), verdict: "applied" };
}

/**
 * Takes over a turn told by REST or by `watching`, unless the stream is already further.
 *
 * An end is final, whoever tells it: an ended turn is never opened again, and an open one ends
 * even when the frame that said so was lost.
 */
export function adoptTurnState(view: TurnView | null, turn: TurnState): TurnView {
  if (view === null) return viewOfTurnState(turn);
  if (view.state !== "open") return view;
  return turn.state !== "open" || turn.seq >= view.seq ? viewOfTurnState(turn) : view;
}

/** The sequenced part of a server frame, or null for frames of other kinds. */
export function asTurnFrame(frame: ServerFrame): TurnFrame | null {
  switch (frame.type) {
    case "chat.delta":
      return { type: frame.type, ...frame.payload };
    case "chat.note":
      return { type: frame.type, ...frame.payload };
    case "chat.done":
      return { type: frame.type, ...frame.payload };
    case "chat.snapshot":
      return { type: frame.type, ...frame.payload };
    default:
      return null;
  }
}
