/**
 * The long-lived objects of the page, made once and given to elements by context.
 *
 * The only place where they are wired to each other.
 */
import { createContext } from "@lit/context";
import { Api } from "./api/api";
import { Http } from "./api/http";
import { ChatHub } from "./chat/hub";
import { StepUpStore } from "./identity/step-up";
import { leaveActing } from "./people/acting";
import { Router } from "./router/router";
import { ROUTES } from "./router/routes";
import { SessionStore } from "./session/session-store";
import { Announcer } from "./ui/announcer";
import { ThemeStore } from "./ui/theme";
import { ToastStore } from "./ui/toasts";
import { Unfinished } from "./ui/unfinished";

export interface Services {
  /** For the operations of pages that load on need. */
  http: Http;
  api: Api;
  session: SessionStore;
  router: Router;
  hub: ChatHub;
  toasts: ToastStore;
  theme: ThemeStore;
  announcer: Announcer;
  unfinished: Unfinished;
  stepUp: StepUpStore;
}

export const servicesContext = createContext<Services>(Symbol("soma-services"));

export function createServices(): Services {
  const toasts = new ToastStore();
  const stepUp = new StepUpStore();
  const http: Http = new Http({
    csrfToken: () => session.csrfToken,
    refreshSession: () => session.refresh(),
    sessionEnded: () => {
      session.end();
    },
    passwordDue: () => {
      session.passwordDue();
    },
    actingEnded: () => leaveActing(http),
    stepUp: () => stepUp.ask(),
  });
  const api = new Api(http);
  const session: SessionStore = new SessionStore(api);
  const hub = new ChatHub(api, {
    userId: () => session.userId,
    onProblem: (problem) => {
      toasts.problem(problem);
    },
    onSessionEnded: () => {
      // Where somebody acts as another, their own session may go on: the answer to this says so.
      if (session.isActedFor) void session.refresh();
      else session.end();
    },
    onDoubt: () => void session.refresh(),
  });
  const theme = new ThemeStore(localStorage);
  session.subscribe(() => {
    theme.wear(session.brandColour);
  });
  return {
    http,
    api,
    session,
    router: new Router(ROUTES),
    hub,
    toasts,
    theme,
    announcer: new Announcer(),
    unfinished: new Unfinished(),
    stepUp,
  };
}
