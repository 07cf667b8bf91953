/**
 * The graph that is shown: what has been asked for so far, gathered; what is chosen; what is
 * filtered out. Nothing is asked twice, and only nodes with both ends known keep their edges.
 */
import { isAbort, problemOf } from "../api/http";
import type { Problem } from "../api/types";
import { Store } from "../store";
import type { MemoryApi } from "./memory-api";
import type { Graph, GraphEdge, GraphNode } from "./types";

export interface GraphState {
  phase: "loading" | "ready" | "error";
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
  problem: Problem | null;
  /** The chosen node. */
  chosen: string | null;
  /** Nodes whose neighbours are all here. */
  expanded: ReadonlySet<string>;
  expanding: string | null;
  /** What the picture and the list are narrowed to. */
  words: string;
  withNames: boolean;
  withMemories: boolean;
  /** Only the chosen node and what is next to it. */
  focused: boolean;
}

export const GRAPH_LIMIT = 80;
const MOST_NODES = 400;

export function edgeKey({ source, target, relation }: GraphEdge): string {
  return `${source} ${relation} ${target}`;
}

/** Both graphs in one, without doubles and without edges that lead nowhere. */
export function joined(one: Graph, other: Graph): Graph {
  const nodes = new Map(one.nodes.map((node) => [node.id, node]));
  for (const node of other.nodes) {
    if (nodes.size < MOST_NODES || nodes.has(node.id)) nodes.set(node.id, node);
  }
  const edges = new Map(one.edges.map((edge) => [edgeKey(edge), edge]));
  for (const edge of other.edges) {
    if (nodes.has(edge.source) && nodes.has(edge.target)) edges.set(edgeKey(edge), edge);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/** The nodes next to `id`, with what connects them. */
export function neighboursOf(
  state: Pick<GraphState, "nodes" | "edges">,
  id: string,
): { node: GraphNode; relation: string; direction: "in" | "out" }[] {
  const nodes = new Map(state.nodes.map((node) => [node.id, node]));
  return state.edges.flatMap(({ source, target, relation }) => {
    const isOut = source === id;
    if (!isOut && target !== id) return [];
    const node = nodes.get(isOut ? target : source);
    return node === undefined ? [] : [{ node, relation, direction: isOut ? ("out" as const) : ("in" as const) }];
  });
}

/** Which nodes are shown under the filters. */
export function visibleNodes(state: GraphState): GraphNode[] {
  const words = state.words.trim().toLocaleLowerCase();
  const near =
    state.focused && state.chosen !== null
      ? new Set([state.chosen, ...neighboursOf(state, state.chosen).map(({ node }) => node.id)])
      : null;
  return state.nodes.filter((node) => {
    if (node.kind === "name" ? !state.withNames : !state.withMemories) return false;
    if (near !== null && !near.has(node.id)) return false;
    return words === "" || node.label.toLocaleLowerCase().includes(words);
  });
}

export class GraphStore extends Store<GraphState> {
  #abort: AbortController | null = null;

  constructor(private readonly api: Pick<MemoryApi, "graph">) {
    super({
      phase: "loading",
      nodes: [],
      edges: [],
      problem: null,
      chosen: null,
      expanded: new Set(),
      expanding: null,
      words: "",
      withNames: true,
      withMemories: true,
      focused: false,
    });
  }

  stop(): void {
    this.#abort?.abort();
  }

  async load(start: { around?: string; name?: string; agent_id?: string }): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.patch({ phase: "loading", problem: null, focused: false, expanded: new Set(), chosen: null });
    try {
      const graph = await this.api.graph({ ...start, hops: 2, limit: GRAPH_LIMIT }, abort.signal);
      if (abort.signal.aborted) return;
      const clean = joined({ nodes: [], edges: [] }, graph);
      const named = graph.nodes.find(
        ({ kind, label }) => kind === "name" && label.toLocaleLowerCase() === start.name?.toLocaleLowerCase(),
      );
      const chosen = start.around ?? named?.id ?? null;
      this.patch({
        phase: "ready",
        ...clean,
        chosen: clean.nodes.some(({ id }) => id === chosen) ? chosen : null,
      });
    } catch (failure) {
      if (isAbort(failure) || abort.signal.aborted) return;
      this.patch({ phase: "error", problem: problemOf(failure) });
    }
  }

  choose(id: string | null): void {
    this.patch({ chosen: id, ...(id === null ? { focused: false } : {}) });
  }

  narrow(change: Partial<Pick<GraphState, "words" | "withNames" | "withMemories" | "focused">>): void {
    this.patch(change);
  }

  /** Adds what is next to a node; returns how many nodes are new, or the problem. */
  async expand(id: string, agentId = ""): Promise<number | Problem> {
    const node = this.state.nodes.find((one) => one.id === id);
    if (node === undefined || this.state.expanding !== null) return 0;
    this.patch({ expanding: id });
    try {
      const start = node.kind === "memory" ? { around: node.id } : { name: node.label };
      const more = await this.api.graph({ ...start, agent_id: agentId, hops: 1, limit: GRAPH_LIMIT });
      const before = this.state.nodes.length;
      const graph = joined({ nodes: [...this.state.nodes], edges: [...this.state.edges] }, more);
      this.patch({ ...graph, expanding: null, expanded: new Set([...this.state.expanded, id]) });
      return graph.nodes.length - before;
    } catch (failure) {
      this.patch({ expanding: null });
      return problemOf(failure);
    }
  }
}
