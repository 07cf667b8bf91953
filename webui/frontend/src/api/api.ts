/** Every operation of the REST contract that the interface uses, one method each. */
import type { Http } from "./http";
import { readProblem } from "./problem";
import type { RawProblem } from "./problem";
import type {
  Agent,
  AgentDraft,
  ContextReport,
  Conversation,
  Derived,
  Knobs,
  Me,
  Message,
  MessagePage,
  Model,
  Page,
  Provider,
  ProviderChange,
  ProviderDraft,
  ProviderKind,
  ProviderTest,
  Signal,
  TurnRef,
  TurnState,
} from "./types";

export interface ConversationQuery {
  q?: string;
  archived?: boolean;
  cursor?: string | null;
  limit?: number;
}

export class Api {
  constructor(private readonly http: Http) {}

  logout(): Promise<void> {
    return this.http.post("/auth/logout");
  }

  /** Who is signed in; a 401 here is an answer, not the end of a session. */
  me(): Promise<Me> {
    return this.http.get("/auth/me", { anonymous: true });
  }

  changePassword(current: string, next: string): Promise<Me> {
    return this.http.post("/auth/password", { current, new: next }, { anonymous: true });
  }

  switchTenant(tenantId: string): Promise<Me> {
    return this.http.post("/auth/tenant", { tenant_id: tenantId });
  }

  agents(cursor: string | null = null): Promise<Page<Agent>> {
    return this.http.get("/agents", { query: { limit: 100, cursor } });
  }

  createAgent(draft: AgentDraft): Promise<Agent> {
    return this.http.post("/agents", draft);
  }

  updateAgent(id: string, draft: AgentDraft): Promise<Agent> {
    return this.http.patch(`/agents/${id}`, draft);
  }

  contextReport(turnId: string): Promise<ContextReport> {
    return this.http.get(`/chat/turns/${turnId}/context`);
  }

  derivedOf(knobs: Knobs): Promise<Derived> {
    return this.http.get("/agents/derived", { query: { ...knobs } });
  }

  conversations(query: ConversationQuery, signal?: AbortSignal): Promise<Page<Conversation>> {
    return this.http.get("/chat/conversations", {
      query: { ...query },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  conversation(id: string): Promise<Conversation> {
    return this.http.get(`/chat/conversations/${id}`);
  }

  createConversation(agentId: string): Promise<Conversation> {
    return this.http.post("/chat/conversations", { agent_id: agentId });
  }

  updateConversation(
    id: string,
    change: { title?: string; archived?: boolean; active_branch_id?: string },
  ): Promise<Conversation> {
    return this.http.patch(`/chat/conversations/${id}`, change);
  }

  deleteConversation(id: string): Promise<void> {
    return this.http.delete(`/chat/conversations/${id}`);
  }

  restoreConversation(id: string): Promise<unknown> {
    return this.http.post(`/chat/conversations/${id}/restore`);
  }

  messages(
    conversationId: string,
    query: { branch_id?: string | null; before?: number | null; limit?: number },
  ): Promise<MessagePage> {
    return this.http.get(`/chat/messages/${conversationId}`, { query: { ...query } });
  }

  editMessage(messageId: string, content: string, clientKey: string): Promise<TurnRef> {
    return this.http.post(`/chat/messages/${messageId}/edit`, { content, client_key: clientKey });
  }

  giveFeedback(messageId: string, signal: Signal): Promise<Message> {
    return this.http.put(`/chat/messages/${messageId}/feedback`, { signal });
  }

  turn(turnId: string): Promise<TurnState> {
    return this.http.get(`/chat/turns/${turnId}`);
  }

  cancelTurn(turnId: string): Promise<TurnState> {
    return this.http.post(`/chat/turns/${turnId}/cancel`);
  }

  retryTurn(turnId: string, clientKey: string): Promise<TurnRef> {
    return this.http.post(`/chat/turns/${turnId}/retry`, { client_key: clientKey });
  }

  continueTurn(turnId: string, clientKey: string): Promise<TurnRef> {
    return this.http.post(`/chat/turns/${turnId}/continue`, { client_key: clientKey });
  }

  models(): Promise<Page<Model>> {
    return this.http.get("/gateway/models", { query: { limit: 200 } });
  }

  setDefaultModel(id: string): Promise<Model> {
    return this.http.put(`/gateway/models/${id}/default`);
  }

  providers(): Promise<Page<Provider>> {
    return this.http.get("/gateway/providers", { query: { limit: 100 } });
  }

  kinds(): Promise<ProviderKind[]> {
    return this.http.get("/gateway/kinds");
  }

  createProvider(draft: ProviderDraft): Promise<Provider> {
    return this.http.post("/gateway/providers", draft);
  }

  updateProvider(id: string, change: ProviderChange): Promise<Provider> {
    return this.http.patch(`/gateway/providers/${id}`, change);
  }

  deleteProvider(id: string): Promise<void> {
    return this.http.delete(`/gateway/providers/${id}`);
  }

  async testProvider(id: string): Promise<ProviderTest> {
    const answer = await this.http.post<Omit<ProviderTest, "problem"> & { problem: RawProblem | null }>(
      `/gateway/providers/${id}/test`,
      {},
    );
    return { ...answer, problem: answer.problem === null ? null : readProblem(answer.problem) };
  }
}
