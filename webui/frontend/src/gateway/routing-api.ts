/** The operations of routing: of one's own organisation, or of the platform and any of its tenants. */
import type { Http } from "../api/http";
import type { Page } from "../api/types";
import type { components } from "../generated/api";
import type { Usage, UsageQuery } from "./gateway-api";

type Schemas = components["schemas"];

export type Rules = Schemas["RoutingRules"];
export type RulesStanding = Schemas["RoutingOut"];
export type Trial = Schemas["RoutingTrialIn"];
export type Verdict = Schemas["RoutingTrialOut"];
export type Decision = Schemas["DecisionOut"];
export type Candidate = Schemas["CandidateOut"];

export interface DecisionQuery {
  model: string;
  kind: string;
  failed: boolean;
  cursor: string | null;
}

export interface Named {
  id: string;
  name: string;
}

/** `place`: under which addresses; `tenantId`: whose, on the platform; null: everybody's. */
export class RoutingApi {
  constructor(
    private readonly http: Http,
    private readonly isPlatform: boolean,
    private readonly tenantId: string | null = null,
  ) {}

  rules(): Promise<RulesStanding> {
    return this.http.get(this.#place(), { query: this.#whose() });
  }

  setRules(rules: Rules | null): Promise<RulesStanding> {
    return this.http.put(`${this.#place()}${this.#suffix()}`, { rules });
  }

  try(trial: Trial): Promise<Verdict> {
    return this.http.post(`${this.#place()}/try${this.#suffix()}`, trial);
  }

  decisions(query: DecisionQuery): Promise<Page<Decision>> {
    const { cursor, failed, model, kind } = query;
    return this.http.get(`${this.#place()}/decisions`, {
      query: {
        limit: 25,
        ...(cursor === null ? {} : { cursor }),
        ...(failed ? { failed: "true" } : {}),
        ...(model === "" ? {} : { model }),
        ...(kind === "" ? {} : { kind }),
        ...this.#whose(),
      },
    });
  }

  spending(query: UsageQuery): Promise<Usage> {
    return this.http.get("/gateway/platform/spending", { query: { ...query } });
  }

  tenants(): Promise<Page<Named>> {
    return this.http.get("/saas/tenants", { query: { limit: 200 } });
  }

  #place(): string {
    return this.isPlatform ? "/gateway/platform/routing" : "/gateway/routing";
  }

  #whose(): Record<string, string> {
    return this.tenantId === null ? {} : { tenant_id: this.tenantId };
  }

  #suffix(): string {
    return this.tenantId === null ? "" : `?tenant_id=${encodeURIComponent(this.tenantId)}`;
  }
}
