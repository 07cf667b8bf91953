/** The operations of `/people`, `/audit` and `/saas/tenants`. */
import type { Http } from "../api/http";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type Person = Schemas["PersonOut"];
export type PeoplePage = Schemas["PeoplePage"];
export type RoleView = Schemas["RoleOut"];
export type RoleList = Schemas["RoleList"];
export type Grant = Schemas["GrantOut"];
export type GrantDraft = Schemas["GrantIn"];
export type Explanation = Schemas["ExplanationOut"];
export type AuditEntry = Schemas["AuditEntryOut"];
export type AuditArchive = Schemas["AuditArchiveOut"];
export type AuditPage = Schemas["AuditPage"];
export type PlatformTenant = Schemas["PlatformTenantOut"];
export type PlatformTenants = Schemas["PlatformTenantPage"];

export interface RolesDraft {
  role: string;
  roles: string[];
  own_roles: string[];
}

export type AuditFilter = Record<"q" | "action" | "since" | "until" | "of", string>;

const PAGE = 50;

export class PeopleApi {
  constructor(private readonly http: Http) {}

  people(q: string, cursor: string | null): Promise<PeoplePage> {
    return this.http.get("/people", { query: { limit: PAGE, q, cursor } });
  }

  setRoles(userId: string, draft: RolesDraft): Promise<Person> {
    return this.http.put(`/people/${userId}/roles`, draft);
  }

  suspend(userId: string, reason: string): Promise<Person> {
    return this.http.post(`/people/${userId}/suspend`, { reason });
  }

  resume(userId: string): Promise<Person> {
    return this.http.post(`/people/${userId}/resume`);
  }

  /** Ends the sessions that the person has in the organisation. */
  signOut(userId: string): Promise<{ count: number }> {
    return this.http.post(`/people/${userId}/sign-out`);
  }

  grants(userId: string): Promise<{ items: Grant[] }> {
    return this.http.get("/people/grants", { query: { limit: 200, user_id: userId } });
  }

  giveGrant(draft: GrantDraft): Promise<Grant> {
    return this.http.post("/people/grants", draft);
  }

  takeGrantBack(id: string): Promise<undefined> {
    return this.http.delete(`/people/grants/${id}`);
  }

  roles(): Promise<RoleList> {
    return this.http.get("/people/roles");
  }

  /** Makes a role, or changes the one of that id. */
  saveRole(roleId: string | null, name: string, permissions: string[]): Promise<RoleView> {
    const body = { name, permissions };
    return roleId === null
      ? this.http.post("/people/roles", body)
      : this.http.patch(`/people/roles/${roleId}`, body);
  }

  deleteRole(roleId: string): Promise<undefined> {
    return this.http.delete(`/people/roles/${roleId}`);
  }

  why(userId: string, permission: string): Promise<Explanation> {
    return this.http.get(`/people/${userId}/why`, { query: { permission } });
  }

  audit(filter: AuditFilter, cursor: string | null): Promise<AuditPage> {
    return this.http.get("/audit", { query: { ...asked(filter), limit: PAGE, cursor } });
  }

  /** Files of entries that are no longer in the database. */
  async archives(of: string): Promise<AuditArchive[]> {
    const { items } = await this.http.get<Schemas["AuditArchives"]>("/audit/archives", {
      query: { of },
    });
    return items;
  }

  tenants(q: string, cursor: string | null): Promise<PlatformTenants> {
    return this.http.get("/saas/tenants", { query: { limit: PAGE, q, cursor } });
  }

  suspendTenant(id: string, reason: string): Promise<PlatformTenant> {
    return this.http.post(`/saas/tenants/${id}/suspend`, { reason });
  }

  resumeTenant(id: string): Promise<PlatformTenant> {
    return this.http.post(`/saas/tenants/${id}/resume`);
  }
}

/** Where the same entries are downloaded. */
export function exportPath(filter: AuditFilter, form: "csv" | "jsonl"): string {
  return `/api/v2/audit/export?${new URLSearchParams({ ...asked(filter), form }).toString()}`;
}

/** Where a file of older entries is downloaded. */
export function archivePath(id: string, of: string): string {
  return `/api/v2/audit/archives/${id}?of=${of}`;
}

function asked(filter: AuditFilter): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
}
