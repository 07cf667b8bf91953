/**
 * Acting as somebody: the operations of `/saas/impersonations`, and what begins and ends it here.
 *
 * Whoever one is changes everything on the page, so the page is loaded anew.
 */
import { msg, str } from "@lit/localize";
import type { Http } from "../api/http";
import type { components } from "../generated/api";
import { HOME } from "../router/routes";
import type { Services } from "../services";
import type { ReasonQuestion } from "./reason-dialog";

type Schemas = components["schemas"];

export type Acting = Schemas["ImpersonationOut"];
export type ActingPage = Schemas["ImpersonationPage"];
export type Candidate = Schemas["PersonToActAsOut"];
export type CandidatePage = Schemas["PeopleToActAsPage"];

const PAGE = 50;

export class ActingApi {
  constructor(private readonly http: Http) {}

  list(cursor: string | null): Promise<ActingPage> {
    return this.http.get("/saas/impersonations", { query: { limit: PAGE, cursor } });
  }

  people(tenantId: string, q: string, cursor: string | null): Promise<CandidatePage> {
    const query = { tenant_id: tenantId, limit: PAGE, q, cursor };
    return this.http.get("/saas/impersonations/people", { query });
  }

  ask(tenantId: string, userId: string, reason: string): Promise<Acting> {
    return this.http.post("/saas/impersonations", { tenant_id: tenantId, user_id: userId, reason });
  }

  approve(id: string): Promise<Acting> {
    return this.http.post(`/saas/impersonations/${id}/approve`);
  }

  begin(id: string): Promise<unknown> {
    return this.http.post(`/saas/impersonations/${id}/begin`);
  }

  end(id: string): Promise<Acting> {
    return this.http.post(`/saas/impersonations/${id}/end`);
  }

  /** Back to oneself; a 401 says that one's own session is over as well. */
  leave(): Promise<unknown> {
    return this.http.post("/saas/impersonations/return", undefined, { anonymous: true });
  }
}

/** The dialog before: why, and what happens then. `waits`: told when a colleague has to approve. */
export function actingQuestion(
  services: Services,
  tenantId: string,
  person: { user_id: string; display_name: string },
  waits: () => void,
): ReasonQuestion {
  const api = new ActingApi(services.http);
  return {
    title: msg(str`Act as ${person.display_name}?`),
    text: msg("For an hour you see and do what this person can. The reason, the beginning, the end and every act are in the organisation’s audit log, with your name."),
    submit: msg("Act as this person"),
    act: async (reason) => {
      const asked = await api.ask(tenantId, person.user_id, reason);
      if (asked.status === "waiting") {
        services.toasts.say(
          msg("The organisation forbids it: a second platform administrator has to approve."),
        );
        waits();
        return;
      }
      await beginActing(services, asked.id);
    },
  };
}

export async function beginActing(services: Services, id: string): Promise<void> {
  await services.unfinished.finish();
  await new ActingApi(services.http).begin(id);
  location.assign(HOME);
}

/** Ends it, or takes up that it has ended; false when one's own session is over, too. */
export async function leaveActing(http: Http): Promise<boolean> {
  try {
    await new ActingApi(http).leave();
  } catch {
    return false;
  }
  location.assign(HOME);
  return true;
}
