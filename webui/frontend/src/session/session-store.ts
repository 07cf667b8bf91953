/**
 * Who is signed in. The cookie is HttpOnly, so the server alone knows; this is its last word.
 *
 * Signing out by choice and a session that has ended are different: the second keeps what
 * the person was doing.
 */
import type { Api } from "../api/api";
import { ApiError, problemOf } from "../api/http";
import type { Me, Problem } from "../api/types";
import { Store } from "../store";

export interface SessionState {
  phase: "loading" | "anonymous" | "signed-in" | "error";
  me: Me | null;
  problem: Problem | null;
  /** True when the session ended by itself, so that the sign-in page can say so. */
  ended: boolean;
}

export class SessionStore extends Store<SessionState> {
  constructor(private readonly api: Api) {
    super({ phase: "loading", me: null, problem: null, ended: false });
  }

  get csrfToken(): string | null {
    return this.state.me?.csrf_token ?? null;
  }

  get userId(): string {
    return this.state.me?.user.id ?? "nobody";
  }

  /** Of the organisation that one is in: `#rrggbb`, or empty for the interface's own. */
  get brandColour(): string {
    return this.state.me?.tenant?.brand_colour ?? "";
  }

  get isPlatformAdmin(): boolean {
    return this.state.me?.user.is_platform_admin ?? false;
  }

  /** Whether a platform administrator acts as the person: what is the person’s own is closed. */
  get isActedFor(): boolean {
    return this.state.me?.acted_by != null;
  }

  /** Whether the person may do this in the tenant: `tenant.use` and the like. */
  may(permission: string): boolean {
    return this.state.me?.permissions.includes(permission) ?? false;
  }

  async load(): Promise<void> {
    this.patch({ phase: "loading", problem: null });
    try {
      this.adopt(await this.api.me());
    } catch (failure) {
      if (failure instanceof ApiError && failure.problem.status === 401) {
        this.patch({ phase: "anonymous", me: null });
      } else {
        this.patch({ phase: "error", problem: problemOf(failure) });
      }
    }
  }

  async changePassword(current: string, next: string): Promise<void> {
    this.adopt(await this.api.changePassword(current, next));
  }

  async switchTenant(tenantId: string): Promise<void> {
    this.adopt(await this.api.switchTenant(tenantId));
  }

  /** Signs out by choice; `forget` runs while it is still known whose things to forget. */
  async signOut(forget: () => void): Promise<void> {
    await this.api.logout();
    forget();
    this.patch({ phase: "anonymous", me: null, ended: false });
  }

  /** The server no longer knows this session. */
  end(): void {
    if (this.state.phase !== "signed-in") return;
    this.patch({ phase: "anonymous", me: null, ended: true });
  }

  /** Asks again who is signed in; true when it is still the same person and tenant. */
  async refresh(): Promise<boolean> {
    const before = this.state.me;
    try {
      const me = await this.api.me();
      this.adopt(me);
      return me.user.id === before?.user.id && me.tenant?.id === before.tenant?.id;
    } catch (failure) {
      if (failure instanceof ApiError && failure.problem.status === 401) this.end();
      return false;
    }
  }

  passwordDue(): void {
    if (this.state.me !== null) {
      this.patch({ me: { ...this.state.me, must_change_password: true } });
    }
  }

  /** Somebody signed in, joined, or changed who they are. */
  adopt(me: Me): void {
    this.patch({ phase: "signed-in", me, problem: null, ended: false });
  }
}
