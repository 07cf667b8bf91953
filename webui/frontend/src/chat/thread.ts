/**
 * The messages of one branch, merged from pages, accepted messages and open turns.
 *
 * Pure functions over immutable lists. `seq` rises along a branch, so it alone decides order.
 */
import type { Message } from "../api/types";
import type { ServerPayloads } from "../generated/frames";
import type { TurnView } from "./turn-reducer";

/** What is shown for one message: the stored row, and the turn that still writes it. */
export interface Row {
  message: Message;
  view: TurnView | null;
}

/** Whether rows are missing between what is known and a newer page. */
export function leavesGap(known: readonly Message[], page: readonly Message[]): boolean {
  const last = known.at(-1);
  const first = page[0];
  if (last === undefined || first === undefined) return false;
  return first.seq > last.seq && !known.some((message) => message.id === first.parent_id);
}

/** Both lists in one, the second winning, in order of `seq`. */
export function mergeMessages(
  known: readonly Message[],
  fresh: readonly Message[],
): readonly Message[] {
  const byId = new Map(known.map((message) => [message.id, message]));
  for (const message of fresh) byId.set(message.id, message);
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}

/** The place of an answer that is being written and has no stored row yet. */
export function answerPlace(accepted: ServerPayloads["chat.accepted"], startedAt: string): Message {
  return blankAnswer({
    id: accepted.message_id,
    conversation_id: accepted.conversation_id,
    branch_id: accepted.branch_id,
    seq: (accepted.user_message?.seq ?? Number.MAX_SAFE_INTEGER - 1) + 1,
    parent_id: accepted.user_message?.id ?? null,
    created_at: startedAt,
    turn_id: accepted.turn,
  });
}

type AnswerPlace = Pick<
  Message,
  "id" | "conversation_id" | "branch_id" | "seq" | "parent_id" | "created_at" | "turn_id"
>;

export function blankAnswer(place: AnswerPlace): Message {
  return {
    ...place,
    role: "assistant",
    parts: [],
    text: "",
    turn_state: "open",
    model: null,
    feedback: null,
    degraded: [],
    recalled: [],
    error: null,
    variants: null,
  };
}

/** The message with everything that its turn now says. */
export function withTurn(message: Message, view: TurnView): Message {
  return {
    ...message,
    parts: view.content === "" ? [] : [{ kind: "text", text: view.content }],
    text: view.content,
    turn_state: view.state,
    model: view.model ?? message.model,
    degraded: view.degraded,
    recalled: view.recalled,
    error: view.error,
  };
}
