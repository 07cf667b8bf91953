/** The operations of `/memory` that the interface uses, one method each. */
import type { Http, RequestOptions } from "../api/http";
import type {
  Graph,
  ImportResult,
  MemoryDetail,
  MemoryFilter,
  MemoryPage,
  MemoryStats,
  Pending,
  Proof,
  Retention,
  Selection,
} from "./types";

const FORGET_TIMEOUT_MS = 120_000;
const EXPORT_TIMEOUT_MS = 30 * 60_000;

/** The start of a local day as a moment; a day later for an end that includes its day. */
export function dayBound(day: string, bound: "from" | "until"): string | undefined {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (found === null) return undefined;
  const [, year = "", month = "", date = ""] = found;
  const start = new Date(Number(year), Number(month) - 1, Number(date) + (bound === "until" ? 1 : 0));
  return start.toISOString();
}

function queryOf(filter: MemoryFilter): Record<string, string | undefined> {
  return {
    agent_id: filter.agent_id,
    kind: filter.kind,
    speaker: filter.speaker,
    since: dayBound(filter.since, "from"),
    until: dayBound(filter.until, "until"),
    conversation_id: filter.conversation_id,
  };
}

function withSignal(signal: AbortSignal | undefined): Pick<RequestOptions, "signal"> {
  return signal === undefined ? {} : { signal };
}

export class MemoryApi {
  constructor(private readonly http: Http) {}

  search(filter: MemoryFilter, limit: number, signal?: AbortSignal): Promise<MemoryPage> {
    return this.http.get("/memory/search", {
      query: { ...queryOf(filter), q: filter.q, limit },
      ...withSignal(signal),
    });
  }

  recent(
    filter: MemoryFilter,
    limit: number,
    cursor: string | null = null,
    signal?: AbortSignal,
  ): Promise<MemoryPage> {
    return this.http.get("/memory/recent", {
      query: { ...queryOf(filter), limit, cursor },
      ...withSignal(signal),
    });
  }

  memory(id: string, signal?: AbortSignal): Promise<MemoryDetail> {
    return this.http.get(`/memory/${id}`, withSignal(signal));
  }

  /** The new memory, which replaces the old one; the old one stays, marked. */
  correct(id: string, text: string): Promise<{ memory_id: string }> {
    return this.http.patch(`/memory/${id}`, { text });
  }

  forget(id: string, options: { keepalive?: boolean } = {}): Promise<Proof> {
    return this.http.delete(`/memory/${id}`, { ...options, timeoutMs: FORGET_TIMEOUT_MS });
  }

  forgetMany(selection: Selection): Promise<Proof> {
    return this.http.post("/memory/delete", selection, { timeoutMs: FORGET_TIMEOUT_MS });
  }

  /** JSON lines, as they come in. */
  export(agentId: string, signal: AbortSignal): Promise<Response> {
    return this.http.stream("/memory/export", {
      query: { agent_id: agentId },
      headers: { Accept: "application/x-ndjson" },
      timeoutMs: EXPORT_TIMEOUT_MS,
      signal,
    });
  }

  import(agentId: string, lines: string, signal: AbortSignal): Promise<ImportResult> {
    return this.http.post("/memory/import", undefined, {
      query: { agent_id: agentId },
      raw: { content: lines, type: "application/x-ndjson" },
      signal,
    });
  }

  pending(): Promise<Pending> {
    return this.http.get("/memory/pending");
  }

  replay(): Promise<{ replayed: number }> {
    return this.http.post("/memory/pending/replay");
  }

  stats(agentId = ""): Promise<MemoryStats> {
    return this.http.get("/memory/stats", { query: { agent_id: agentId } });
  }

  graph(
    query: { around?: string; name?: string; agent_id?: string; hops?: number; limit?: number },
    signal?: AbortSignal,
  ): Promise<Graph> {
    return this.http.get("/memory/graph", { query: { ...query }, ...withSignal(signal) });
  }

  retention(): Promise<Retention> {
    return this.http.get("/memory/retention");
  }

  setRetention(change: Partial<Retention>): Promise<Retention> {
    return this.http.put("/memory/retention", change);
  }
}
