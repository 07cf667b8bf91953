/** Plain names for the generated API types: the one file to touch when their shape changes. */
import type { components } from "../generated/api";
import type { Problem } from "./problem";

type Schemas = components["schemas"];

export type { Problem } from "./problem";
export type Agent = Schemas["AgentOut"];
export type Derived = Schemas["DerivedOut"];
export type Knobs = Pick<Agent, "intelligence" | "autonomy" | "resource_usd">;
export type ContextReport = Schemas["ContextReportOut"];
export type Conversation = Schemas["ConversationOut"];
export type Me = Schemas["MeOut"];
export type Message = Schemas["MessageView"];
export type MessagePage = Schemas["MessagePageOut"];
export type Model = Schemas["ModelOut"];
export type Part = Schemas["Part"];
export type Provider = Schemas["ProviderOut"];
export type ProviderKind = Schemas["KindOut"];
export type Recalled = Schemas["RecalledView"];
export type Signal = Schemas["FeedbackIn"]["signal"];
export type TurnRef = Schemas["TurnRef"];
export type TurnState = Schemas["TurnView"];
export type TurnStatus = TurnState["state"];
export type Usage = Schemas["Usage"];

export type ProviderTest = Omit<Schemas["TrialOut"], "problem"> & { problem: Problem | null };

/** One keyset page of a list. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface AgentDraft extends Partial<Knobs> {
  name: string;
  instructions: string;
  model_id: string | null;
}

export interface ModelDraft {
  name: string;
  display_name?: string;
  window?: number;
  output_limit?: number;
}

/** What can be changed of a provider; what is left out stays. */
export interface ProviderChange {
  name?: string;
  base_url?: string | null;
  api_key?: string;
  enabled?: boolean;
  models?: ModelDraft[];
  self_hosted?: boolean;
}

export interface ProviderDraft {
  name: string;
  kind: string;
  base_url: string | null;
  api_key?: string;
  models: ModelDraft[];
  self_hosted?: boolean;
}
