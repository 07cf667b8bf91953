/** What is said aloud of an answer: that it begins, its sentences, and how it ends. */
import { msg } from "@lit/localize";
import { readProblem } from "../api/problem";
import type { Message } from "../api/types";
import { SentenceReader } from "../content/sentences";
import type { TurnView } from "./turn-reducer";

export class SpokenAnswer {
  #messageId: string | null = null;
  #reader: SentenceReader | null = null;
  /** The newest message when an answer was asked for; undefined while none is expected. */
  #askedAfter: string | null | undefined;

  /** Another conversation is shown: nothing of it has been said. */
  reset(): void {
    this.#messageId = null;
    this.#reader = null;
    this.#askedAfter = undefined;
  }

  /** The person asked: the answer is read aloud even if it is complete before it is seen open. */
  expect(messages: readonly Message[]): void {
    this.#askedAfter = messages.at(-1)?.id ?? null;
  }

  /** The lines to say now; called after each change. */
  next(open: TurnView | null, messages: readonly Message[]): string[] {
    const lines: string[] = [];
    if (this.#reader !== null && open?.message_id !== this.#messageId) {
      const ended = messages.find((message) => message.id === this.#messageId);
      if (ended !== undefined) {
        lines.push(...this.#reader.next(ended.text, true), this.#ending(ended));
      }
      this.#messageId = null;
      this.#reader = null;
    }
    if (open === null) return [...lines, ...this.#missed(messages)];
    this.#askedAfter = undefined;
    if (this.#reader === null) {
      this.#messageId = open.message_id;
      this.#reader = new SentenceReader(msg("Code block."));
      lines.push(msg("The agent is writing."));
    }
    lines.push(...this.#reader.next(open.content, false));
    return lines;
  }

  /** The whole of an answer that was over before it could be followed. */
  #missed(messages: readonly Message[]): string[] {
    const answer = messages.at(-1);
    if (this.#askedAfter === undefined || answer?.role !== "assistant") return [];
    if (answer.id === this.#askedAfter || answer.turn_state === "open") return [];
    this.#askedAfter = undefined;
    const reader = new SentenceReader(msg("Code block."));
    return [...reader.next(answer.text, true), this.#ending(answer)];
  }

  #ending(message: Message): string {
    switch (message.turn_state) {
      case "failed":
        return message.error === null
          ? msg("The answer failed.")
          : readProblem(message.error).title;
      case "cancelled":
        return msg("The answer was stopped.");
      case "interrupted":
        return msg("The answer was interrupted.");
      default:
        return msg("The answer is complete.");
    }
  }
}
