/** The shapes of memory and cognition as the interface uses them. */
import type { components } from "../generated/api";

type Schemas = components["schemas"];

/** The server always sends every field; defaults only make some of them optional in the schema. */
export type MemoryItem = Required<Schemas["RecalledOut"]>;
export type ScoreParts = Required<Schemas["ScorePartsOut"]>;
export type MemoryDetail = Schemas["MemoryOut"];
export type Pending = Schemas["PendingOut"];
export type MemoryStats = Schemas["StatsOut"];
export type Graph = Schemas["Graph"];
export type GraphNode = Schemas["GraphNode"];
export type GraphEdge = Schemas["GraphEdge"];
export type CognitiveState = Schemas["CognitiveStateOut"];
export type Parameter = Schemas["ParameterOut"];
export type Adaptation = Schemas["AdaptationOut"];
export type StateAt = Schemas["StateAtOut"];
export type SleepCycle = Schemas["SleepCycleOut"];
export type SleepHistory = Schemas["SleepHistoryOut"];
export type SleepOrder = Schemas["SleepIn"];

export interface MemoryPage {
  items: MemoryItem[];
  next: string | null;
}

/** What a forgetting removed: rows by store, in the order of the server. */
export type Proof = Record<string, unknown>;

export interface MemoryFilter {
  q: string;
  agent_id: string;
  kind: string;
  speaker: string;
  conversation_id: string;
  /** Days as the person chose them, local, YYYY-MM-DD; the last one is included. */
  since: string;
  until: string;
}

export interface Selection {
  ids?: string[];
  agent_id?: string;
  conversation_id?: string;
  everything?: true;
}

export interface ImportResult {
  kept: number;
  known: number;
  refused: { line: number; detail: string }[];
}

export interface Retention {
  days: number | null;
  tenant_days: number | null;
}
