/** Asks `/v1` as a program does: with a key, over a stream of server-sent events. */
import { msg } from "@lit/localize";

export type Role = "system" | "user" | "assistant";

export interface ChatMessage {
  role: Role;
  content: string;
}

export interface ChatRequest {
  model: string;
  messages: readonly ChatMessage[];
  temperature?: number;
  max_tokens?: number;
}

export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  cached?: boolean;
}

export interface Told {
  text?: string;
  usage?: ChatUsage;
}

/** A refusal in words that a person is shown. */
export class Refused extends Error {}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: ChatUsage | null;
  error?: { message?: string };
}

/** Pieces of an answer as they come. Throws: Refused; AbortError when `signal` says so. */
export async function* ask(
  base: string,
  key: string,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<Told> {
  const response = await fetch(`${base}/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    credentials: "omit",
    signal,
  });
  if (!response.ok || response.body === null) {
    const told = (await response.json().catch(() => ({}))) as Chunk;
    throw new Refused(told.error?.message ?? msg("The server gave an answer that cannot be read"));
  }
  const events = new EventReader();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const data of events.feed(value)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error !== undefined) throw new Refused(chunk.error.message ?? "");
      const text = chunk.choices?.[0]?.delta?.content;
      if (text != null && text !== "") yield { text };
      if (chunk.usage != null) yield { usage: chunk.usage };
    }
  }
}

/** Data of whole events out of text that is split anywhere (WHATWG HTML, 9.2.6; our own lines). */
export class EventReader {
  #held = "";

  feed(text: string): string[] {
    const parts = (this.#held + text).split("\n\n");
    this.#held = parts.pop() ?? "";
    return parts.filter((part) => part.startsWith("data:")).map((part) => part.slice(5).trim());
  }
}
