/** The operations of `/sso`: where the organisation's people sign in. */
import type { Http } from "../api/http";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type SignOnProvider = Schemas["SsoProviderOut"];
export type SignOnList = Schemas["SsoProviderList"];
export type SignOnTest = Schemas["SsoTestOut"];
export type SignOnDomain = Schemas["SsoDomainOut"];
export type WaitingDomain = Schemas["SsoWaitingOut"];
export type Directory = Schemas["ScimConnectionOut"];
export type DirectoryGroup = Schemas["ScimGroupOut"];
export type SignOnDraft = Schemas["SsoProviderIn"];
export type SignOnChange = Partial<Schemas["SsoProviderChangeIn"]>;

/** Where a domain shows that it is the organisation's. */
export const PROOF_PATH = "/.well-known/somaagent-sso.txt";

export class SignOnApi {
  constructor(private readonly http: Http) {}

  providers(): Promise<SignOnList> {
    return this.http.get("/sso/providers");
  }

  create(draft: SignOnDraft): Promise<SignOnProvider> {
    return this.http.post("/sso/providers", draft);
  }

  change(id: string, change: SignOnChange): Promise<SignOnProvider> {
    return this.http.patch(`/sso/providers/${id}`, change);
  }

  remove(id: string): Promise<undefined> {
    return this.http.delete(`/sso/providers/${id}`);
  }

  test(id: string): Promise<SignOnTest> {
    return this.http.post(`/sso/providers/${id}/test`);
  }

  addDomain(id: string, domain: string): Promise<SignOnDomain> {
    return this.http.post(`/sso/providers/${id}/domains`, { domain });
  }

  confirmDomain(id: string, domain: string): Promise<SignOnDomain> {
    return this.http.post(`/sso/providers/${id}/domains/${domain}/confirm`);
  }

  removeDomain(id: string, domain: string): Promise<undefined> {
    return this.http.delete(`/sso/providers/${id}/domains/${domain}`);
  }

  waitingDomains(): Promise<{ items: WaitingDomain[] }> {
    return this.http.get("/sso/domains/waiting");
  }

  approveDomain(id: string): Promise<undefined> {
    return this.http.post(`/sso/domains/${id}/approve`);
  }

  directory(): Promise<Directory> {
    return this.http.get("/sso/scim");
  }

  /** The answer alone has the bearer. */
  connectDirectory(role: string): Promise<{ secret: string }> {
    return this.http.post("/sso/scim", { default_role: role });
  }

  disconnectDirectory(): Promise<undefined> {
    return this.http.delete("/sso/scim");
  }

  setGroupRole(groupId: string, role: string): Promise<undefined> {
    return this.http.put(`/sso/scim/groups/${groupId}`, { role });
  }
}
