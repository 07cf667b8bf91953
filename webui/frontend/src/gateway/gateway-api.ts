/** The operations of the pages of keys and usage. */
import type { Http } from "../api/http";
import type { Model, Page } from "../api/types";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type ApiKey = Schemas["KeyOut"];
export type KeyDraft = Schemas["KeyIn"];
export type MadeKey = Schemas["MadeKeyOut"];
export type Standing = Schemas["StandingOut"];
export type Budget = Schemas["BudgetOut"];
export type BudgetDraft = Schemas["BudgetIn"];
export type Usage = Schemas["UsageOut"];
export type UsageRow = Schemas["UsageRow"];
export type Price = Schemas["PriceOut"];
export type PriceDraft = Schemas["PriceIn"];
export type TraitsDraft = Partial<Schemas["TraitsIn"]>;
export type PriceImport = Schemas["PriceImportOut"];
export type Call = Schemas["CallOut"];
export type CallPolicy = Schemas["CallPolicyOut"];
export type CallPolicyChange = Schemas["CallPolicyIn"];

/** Both days are included. `by`: what the sums are by. */
export interface UsageQuery {
  since: string;
  until: string;
  by: string;
}

export class GatewayApi {
  constructor(private readonly http: Http) {}

  keys(): Promise<Page<ApiKey>> {
    return this.http.get("/gateway/keys", { query: { limit: 200 } });
  }

  makeKey(draft: KeyDraft): Promise<MadeKey> {
    return this.http.post("/gateway/keys", draft);
  }

  rotateKey(id: string, overlapS: number): Promise<MadeKey> {
    return this.http.post(`/gateway/keys/${encodeURIComponent(id)}/rotate`, { overlap_s: overlapS });
  }

  /** `keepalive`: also when the page is left meanwhile. */
  revokeKey(id: string, keepalive = false): Promise<void> {
    return this.http.delete(`/gateway/keys/${encodeURIComponent(id)}`, { keepalive });
  }

  usage(query: UsageQuery): Promise<Usage> {
    return this.http.get("/gateway/usage", { query: { ...query } });
  }

  calls(): Promise<Page<Call>> {
    return this.http.get("/gateway/calls", { query: { limit: 20 } });
  }

  budgets(): Promise<Standing[]> {
    return this.http.get("/gateway/budgets");
  }

  setBudget(draft: BudgetDraft): Promise<Budget> {
    return this.http.post("/gateway/budgets", draft);
  }

  removeBudget(id: string): Promise<void> {
    return this.http.delete(`/gateway/budgets/${encodeURIComponent(id)}`);
  }

  callPolicy(): Promise<CallPolicy> {
    return this.http.get("/gateway/policy");
  }

  setCallPolicy(change: CallPolicyChange): Promise<CallPolicy> {
    return this.http.put("/gateway/policy", change);
  }

  models(): Promise<Page<Model>> {
    return this.http.get("/gateway/models", { query: { limit: 200 } });
  }

  prices(modelId: string): Promise<Price[]> {
    return this.http.get(`/gateway/models/${encodeURIComponent(modelId)}/prices`);
  }

  setPrice(modelId: string, draft: PriceDraft): Promise<Price> {
    return this.http.put(`/gateway/models/${encodeURIComponent(modelId)}/price`, draft);
  }

  setTraits(modelId: string, said: TraitsDraft): Promise<Model> {
    return this.http.put(`/gateway/models/${encodeURIComponent(modelId)}/traits`, said);
  }

  importPrices(): Promise<PriceImport> {
    return this.http.post("/gateway/prices/import");
  }
}
