/** The operations of the pages of administrators: rules of turns, and the operating mode. */
import type { Http } from "../api/http";
import type { Page } from "../api/types";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type Policy = Schemas["PolicyOut"];
export type PolicyDraft = Schemas["PolicyIn"];
export type Shares = Schemas["SharesIO"];
export type Modes = Schemas["ModeOut"];
export type Mode = Modes["platform"];
export type TenantMode = Schemas["TenantModeOut"];

export class SettingsApi {
  constructor(private readonly http: Http) {}

  policy(): Promise<Policy> {
    return this.http.get("/chat/policy");
  }

  setPolicy(draft: PolicyDraft): Promise<Policy> {
    return this.http.put("/chat/policy", draft);
  }

  modes(): Promise<Modes> {
    return this.http.get("/saas/mode");
  }

  tenantModes(cursor: string | null): Promise<Page<TenantMode>> {
    return this.http.get("/saas/mode/tenants", { query: { cursor } });
  }

  setPlatformMode(mode: Mode): Promise<Modes> {
    return this.http.put("/saas/mode", { of: "platform", mode });
  }

  /** Of one's own tenant, or of another; null: as the platform. */
  setTenantMode(mode: Mode | null, tenantId: string | null = null): Promise<Modes> {
    return this.http.put("/saas/mode", { of: "tenant", mode, tenant_id: tenantId });
  }
}
