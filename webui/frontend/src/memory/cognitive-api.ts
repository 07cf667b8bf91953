/** The operations of `/cognitive` that the interface uses, one method each. */
import type { Http } from "../api/http";
import type {
  Adaptation,
  CognitiveState,
  Parameter,
  SleepCycle,
  SleepHistory,
  SleepOrder,
} from "./types";

export interface Change {
  levels: Record<string, number>;
  weights: Record<string, number>;
  reason: string;
}

export class CognitiveApi {
  constructor(
    private readonly http: Http,
    private readonly agentId: string,
  ) {}

  state(): Promise<CognitiveState> {
    return this.#get("/cognitive/state");
  }

  async parameters(): Promise<Parameter[]> {
    return (await this.#get<{ items: Parameter[] }>("/cognitive/params")).items;
  }

  adaptation(limit: number): Promise<Adaptation> {
    return this.#get("/cognitive/adaptation", { limit });
  }

  adjust(change: Change): Promise<CognitiveState> {
    return this.#post("/cognitive/adjust", change);
  }

  rollback(steps: number, reason: string): Promise<CognitiveState> {
    return this.#post("/cognitive/rollback", { steps, reason });
  }

  reset(reason: string): Promise<CognitiveState> {
    return this.#post("/cognitive/adaptation/reset", { reason });
  }

  sleep(order: Omit<SleepOrder, "agent_id">): Promise<SleepCycle> {
    return this.#post("/cognitive/sleep-cycle", order);
  }

  sleepHistory(limit: number): Promise<SleepHistory> {
    return this.#get("/cognitive/sleep-cycle", { limit });
  }

  wake(): Promise<{ cycle: SleepCycle | null }> {
    return this.#post("/cognitive/sleep-cycle/wake", {});
  }

  #get<T>(path: string, query: Record<string, number> = {}): Promise<T> {
    return this.http.get(path, { query: { ...query, agent_id: this.agentId } });
  }

  #post<T>(path: string, body: object): Promise<T> {
    return this.http.post(path, { ...body, agent_id: this.agentId });
  }
}
