/** The operations of accounts, factors, sessions, invitations and mails. */
import type { Http } from "../api/http";
import type { Me } from "../api/types";
import type { components } from "../generated/api";

type Schemas = components["schemas"];

export type SecondStep = Schemas["SecondStepOut"];
export type Asked = Schemas["AskedOut"];
export type Factors = Schemas["FactorsOut"];
export type AppSetup = Schemas["SetupOut"];
export type Passkey = Schemas["PasskeyOut"];
export type Session = Schemas["SessionOut"];
export type Attempt = Schemas["SignInTryOut"];
export type Welcome = Schemas["WelcomeOut"];
export type Invitation = Schemas["InvitationOut"];
export type InviteLine = Schemas["InviteLineOut"];
export type Mails = Schemas["MailsOut"];
export type Question = Schemas["QuestionOut"];
export type Consent = Schemas["ConsentOut"];
export type SignInPolicy = Schemas["SignInPolicyOut"];

/** What `navigator.credentials` gave, as JSON. */
export type Credential = Record<string, unknown>;

export function isSecondStep(found: Me | SecondStep): found is SecondStep {
  return "challenge" in found;
}

/** A 401 of these answers the request; it does not end a session. */
const ANSWER = { anonymous: true } as const;

export class IdentityApi {
  constructor(private readonly http: Http) {}

  login(email: string, password: string): Promise<Me | SecondStep> {
    return this.http.post("/auth/login", { email, password }, ANSWER);
  }

  loginCode(challenge: string, code: string): Promise<Me> {
    return this.http.post("/auth/login/code", { challenge, code }, ANSWER);
  }

  /** Where people of an address sign in; null: here, with a password. */
  companySignIn(email: string): Promise<{ provider_id: string | null }> {
    return this.http.post("/auth/oauth/route", { email }, { anonymous: true });
  }

  askPasskey(challenge: string | null): Promise<Asked> {
    return this.http.post("/auth/login/passkey/ask", { challenge }, ANSWER);
  }

  loginPasskey(challenge: string, credential: Credential): Promise<Me | SecondStep> {
    return this.http.post("/auth/login/passkey", { challenge, credential }, ANSWER);
  }

  askReset(email: string): Promise<void> {
    return this.http.post("/auth/password/request", { email }, ANSWER);
  }

  isValidReset(token: string): Promise<{ valid: boolean }> {
    return this.http.post("/auth/password/validate", { token }, ANSWER);
  }

  reset(token: string, password: string): Promise<void> {
    return this.http.post("/auth/password/confirm", { token, new: password }, ANSWER);
  }

  confirmEmail(token: string): Promise<{ changed: boolean }> {
    return this.http.post("/auth/email/confirm", { token }, ANSWER);
  }

  register(email: string, name: string, password: string): Promise<void> {
    return this.http.post("/auth/register", { email, display_name: name, password }, ANSWER);
  }

  confirmAccount(token: string): Promise<void> {
    return this.http.post("/auth/register/confirm", { token }, ANSWER);
  }

  askEmail(email: string): Promise<void> {
    return this.http.post("/auth/email", { email });
  }

  rename(name: string): Promise<Me> {
    return this.http.patch("/auth/profile", { display_name: name });
  }

  stepUp(proof: { password: string } | { code: string }): Promise<Me> {
    return this.http.post("/auth/step-up", proof, ANSWER);
  }

  stepUpPasskey(challenge: string, credential: Credential): Promise<Me> {
    return this.http.post("/auth/step-up/passkey", { challenge, credential }, ANSWER);
  }

  factors(): Promise<Factors> {
    return this.http.get("/auth/mfa");
  }

  beginApp(): Promise<AppSetup> {
    return this.http.post("/auth/mfa/setup");
  }

  confirmApp(code: string): Promise<{ codes: string[] }> {
    return this.http.post("/auth/mfa/verify", { code }, ANSWER);
  }

  removeApp(): Promise<void> {
    return this.http.post("/auth/mfa/disable");
  }

  newCodes(): Promise<{ codes: string[] }> {
    return this.http.post("/auth/mfa/recovery-codes");
  }

  passkeys(): Promise<{ items: Passkey[] }> {
    return this.http.get("/auth/passkeys");
  }

  askNewPasskey(): Promise<Asked> {
    return this.http.post("/auth/passkeys/ask");
  }

  addPasskey(challenge: string, credential: Credential, name: string): Promise<{ codes: string[] }> {
    return this.http.post("/auth/passkeys", { challenge, credential, name }, ANSWER);
  }

  removePasskey(id: string): Promise<void> {
    return this.http.delete(`/auth/passkeys/${encodeURIComponent(id)}`);
  }

  sessions(): Promise<{ items: Session[] }> {
    return this.http.get("/auth/sessions");
  }

  endSession(id: string): Promise<void> {
    return this.http.delete(`/auth/sessions/${encodeURIComponent(id)}`);
  }

  endOthers(): Promise<{ count: number }> {
    return this.http.post("/auth/sessions/end-others");
  }

  /** `asked`: the query of the address that the program opened, as it is. */
  consentQuestion(asked: string): Promise<Question> {
    return this.http.get(`/auth/authorize${asked}`);
  }

  answerConsent(answer: Record<string, string | boolean>): Promise<Schemas["AnsweredOut"]> {
    return this.http.post("/auth/authorize", answer);
  }

  consents(): Promise<{ items: Consent[] }> {
    return this.http.get("/auth/consents");
  }

  revokeConsent(id: string): Promise<void> {
    return this.http.delete(`/auth/consents/${encodeURIComponent(id)}`);
  }

  history(): Promise<{ items: Attempt[] }> {
    return this.http.get("/auth/history");
  }

  policy(): Promise<SignInPolicy> {
    return this.http.get("/auth/policy");
  }

  setPolicy(policy: SignInPolicy): Promise<SignInPolicy> {
    return this.http.put("/auth/policy", policy);
  }

  welcome(token: string): Promise<Welcome> {
    return this.http.post("/invitations/look", { token }, ANSWER);
  }

  join(token: string, name: string, password: string): Promise<Me> {
    return this.http.post("/invitations/join", { token, display_name: name, password }, ANSWER);
  }

  accept(token: string): Promise<Me> {
    return this.http.post("/invitations/accept", { token });
  }

  invitations(before: string | null = null): Promise<{ items: Invitation[]; next: string | null }> {
    return this.http.get("/invitations", { query: { before } });
  }

  invite(emails: string[], role: string): Promise<{ lines: InviteLine[] }> {
    return this.http.post("/invitations", { emails, role });
  }

  resend(id: string): Promise<Invitation> {
    return this.http.post(`/invitations/${encodeURIComponent(id)}/resend`);
  }

  revoke(id: string): Promise<void> {
    return this.http.delete(`/invitations/${encodeURIComponent(id)}`);
  }

  mails(before: string | null = null): Promise<Mails> {
    return this.http.get("/saas/mails", { query: { before } });
  }
}
