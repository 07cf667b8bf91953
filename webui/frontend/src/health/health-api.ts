/** The operations of `/saas/health`, for platform admins. */
import type { Http } from "../api/http";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type Health = Schemas["HealthOut"];
export type Service = Schemas["ServiceOut"];
export type Breaker = Schemas["BreakerOut"];
export type Affected = Schemas["AffectedOut"];

export class HealthApi {
  constructor(private readonly http: Http) {}

  see(): Promise<Health> {
    return this.http.get("/saas/health");
  }

  /** Lets calls through again, in every process. */
  reset(name: string): Promise<Breaker> {
    const path = name.split("/").map(encodeURIComponent).join("/");
    return this.http.post(`/saas/health/breakers/${path}/reset`);
  }
}
