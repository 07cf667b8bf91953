/** The operations of `/saas/events`, for platform admins. */
import type { Http } from "../api/http";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type EventStats = Schemas["EventStatsOut"];
export type TopicStanding = Schemas["TopicOut"];
export type Letter = Schemas["LetterOut"];
export type Letters = Schemas["LettersOut"];

const PAGE = 50;

export class EventsApi {
  constructor(private readonly http: Http) {}

  stats(): Promise<EventStats> {
    return this.http.get("/saas/events/stats");
  }

  letters(before: string | null): Promise<Letters> {
    return this.http.get("/saas/events/dead", { query: { limit: PAGE, before } });
  }

  /** Tries letters again; null: all that there are. Returns how many there were. */
  async replay(ids: string[] | null): Promise<number> {
    return (await this.http.post<{ count: number }>("/saas/events/replay", { ids })).count;
  }

  async discard(ids: string[], reason: string): Promise<number> {
    return (await this.http.post<{ count: number }>("/saas/events/discard", { ids, reason })).count;
  }
}
