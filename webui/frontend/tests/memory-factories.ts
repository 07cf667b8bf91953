/** Memories and learning histories for tests, with what a test does not care about filled in. */
import type { Adaptation, GraphNode, MemoryItem, StateAt } from "../src/memory/types";

export function memory(change: Partial<MemoryItem> = {}): MemoryItem {
  return {
    memory_id: "m1",
    text: "My cat is called Minka.",
    said_at: "2026-03-12T09:30:00.000Z",
    speaker: "user",
    conversation_id: "c1",
    turn_id: "t1",
    score: 0.5,
    reason: "shares the word cat",
    parts: {
      lexical_rank: 1,
      dense_rank: null,
      coverage: 1,
      cosine: null,
      beside: 0,
      conversation: 0,
      person: 0,
      time: 0,
      links: 0,
      recency: 1,
      certainty: 0.9,
    },
    kind: "episodic",
    state: "indexed",
    agent_id: "a1",
    superseded_by: null,
    sources_count: 0,
    ...change,
  };
}

const LEVELS = { dopamine: 0.4, serotonin: 0.5, noradrenaline: 0, acetylcholine: 0 };
const WEIGHTS = { alpha: 1, beta: 0.2, gamma: 0.1, tau: 0.7, lambda_: 1, mu: 0.1, nu: 0.05 };

/** The state before a change that set alpha from `alpha` to something else. */
export function before(alpha: number, change: Partial<StateAt> = {}): StateAt {
  return {
    at: "2026-03-12T09:30:00.000Z",
    cause: "feedback",
    reason: "",
    is_undone: false,
    levels: LEVELS,
    weights: { ...WEIGHTS, alpha },
    ...change,
  };
}

export function adaptation(alpha: number, history: StateAt[] = []): Adaptation {
  return {
    agent_id: "a1",
    at: "2026-03-13T09:30:00.000Z",
    levels: LEVELS,
    weights: { ...WEIGHTS, alpha },
    baseline: WEIGHTS,
    feedback_count: history.length,
    learning_rate: 0.045,
    base_rate: 0.05,
    history,
  };
}

export function node(id: string, change: Partial<GraphNode> = {}): GraphNode {
  return { id, kind: "memory", label: id, degree: 1, ...change };
}
