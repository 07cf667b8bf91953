/**
 * The drawn graph: Cytoscape on a canvas. Loaded on need; the list beside it says the same.
 *
 * Colours are those of the page's theme. Cytoscape writes a style element into the page, which
 * the content security policy refuses; the rule stands in our own style sheet instead.
 */
import cytoscape from "cytoscape";
import type { Core, ElementDefinition, StylesheetJson } from "cytoscape";
import { shortened } from "./forgetting";
import { edgeKey } from "./graph-store";
import { nameLabel } from "./words";
import type { GraphEdge, GraphNode } from "./types";

const STYLE_ID = "__________cytoscape_stylesheet";
const LABEL_CHARS = 28;
const FRAME_PX = 56;
const FADED = 0.3;
/** On the screen, whatever the zoom: what cannot be read need not be drawn. */
const TEXT_PX = 12;
const LEAST_NODE_PX = 16;
const MOST_NODE_PX = 40;
/** With less room for each node, only names and what is next to the chosen node are labelled. */
const LABEL_ROOM_PX2 = 14_000;

/** What Cytoscape looks for before it writes its own style element. */
function forestallStyleElement(): void {
  if (document.getElementById(STYLE_ID) !== null) return;
  const mark = document.createElement("meta");
  mark.id = STYLE_ID;
  document.head.append(mark);
}

function colours(): Record<"text" | "surface" | "accent" | "soft" | "line" | "mark", string> {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: read("--text"),
    surface: read("--surface"),
    accent: read("--accent"),
    soft: read("--accent-soft"),
    line: read("--border-strong"),
    mark: read("--warn"),
  };
}

/** `unit`: how long one pixel of the screen is in the drawing. */
function stylesheet(unit: number, isCrowded: boolean): StylesheetJson {
  const size = `mapData(degree, 1, 20, ${String(LEAST_NODE_PX * unit)}, ${String(MOST_NODE_PX * unit)})`;
  const { text, surface, accent, soft, line, mark } = colours();
  return [
    {
      selector: "node",
      style: {
        label: "data(label)",
        color: text,
        "font-size": TEXT_PX * unit,
        "text-wrap": "wrap",
        "text-max-width": `${String(140 * unit)}px`,
        "text-valign": "bottom",
        "text-margin-y": 3 * unit,
        "text-background-color": surface,
        "text-background-opacity": 0.85,
        "text-background-padding": `${String(unit)}px`,
        "background-color": soft,
        "border-color": accent,
        "border-width": 1.5 * unit,
        width: size,
        height: size,
      },
    },
    {
      selector: 'node[kind = "memory"]',
      style: {
        shape: "round-rectangle",
        "background-color": surface,
        "border-color": line,
        ...(isCrowded ? { label: "" } : {}),
      },
    },
    { selector: "node.near", style: { label: "data(label)" } },
    { selector: 'node[memory = "semantic"]', style: { shape: "round-hexagon", "border-color": accent } },
    { selector: "node.chosen", style: { "background-color": accent, "border-color": text, "border-width": 3 * unit } },
    {
      selector: "edge",
      style: {
        width: 1.2 * unit,
        "line-color": line,
        "target-arrow-color": line,
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.7 * unit,
        "curve-style": "bezier",
        opacity: 0.7,
      },
    },
    { selector: 'edge[relation = "mentions"]', style: { "target-arrow-shape": "none", opacity: 0.45 } },
    {
      selector: 'edge[relation = "supersedes"], edge[relation = "contradicts"]',
      style: { "line-color": mark, "target-arrow-color": mark, "line-style": "dashed" },
    },
    { selector: ".faded", style: { opacity: FADED, "text-opacity": FADED } },
  ];
}

function elements(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): ElementDefinition[] {
  return [
    ...nodes.map(({ id, kind, label, degree, memory_kind: memory }) => ({
      group: "nodes" as const,
      data: { id, kind, label: shortened(kind === "name" ? nameLabel(label) : label, LABEL_CHARS), degree: Math.max(1, degree), memory: memory ?? "" },
    })),
    ...edges.map((edge) => ({
      group: "edges" as const,
      data: { id: edgeKey(edge), source: edge.source, target: edge.target, relation: edge.relation },
    })),
  ];
}

export interface PictureHooks {
  chosen(id: string | null): void;
  expand(id: string): void;
}

export class GraphPicture {
  readonly #core: Core;
  #shape = "";
  #frame = 0;

  constructor(container: HTMLElement, hooks: PictureHooks) {
    forestallStyleElement();
    this.#core = cytoscape({
      container,
      style: stylesheet(1, false),
      minZoom: 0.2,
      maxZoom: 3,
      boxSelectionEnabled: false,
      autounselectify: true,
    });
    this.#core.on("tap", (event) => {
      hooks.chosen(event.target === this.#core ? null : (this.#nodeId(event.target) ?? null));
    });
    this.#core.on("zoom", () => {
      cancelAnimationFrame(this.#frame);
      this.#frame = requestAnimationFrame(() => {
        this.recolour();
      });
    });
    this.#core.on("dbltap", "node", (event) => {
      const id = this.#nodeId(event.target);
      if (id !== undefined) hooks.expand(id);
    });
  }

  /** Draws exactly these; what was there keeps its place. */
  show(nodes: readonly GraphNode[], edges: readonly GraphEdge[], chosen: string | null): void {
    const ids = new Set(nodes.map(({ id }) => id));
    const drawn = edges.filter(({ source, target }) => ids.has(source) && ids.has(target));
    const wanted = elements(nodes, drawn);
    const keys = new Set(wanted.map(({ data }) => data.id));
    const isEmpty = this.#core.nodes().empty();
    this.#core.batch(() => {
      this.#core.elements().filter((one) => !keys.has(one.id())).remove();
      const fresh = wanted.filter(({ data }) => this.#core.getElementById(data.id ?? "").empty());
      this.#core.add(fresh);
    });
    const shape = [...keys].sort().join();
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#layout(isEmpty);
      this.recolour();
    }
    this.#mark(chosen);
  }

  #layout(randomize: boolean): void {
    if (this.#core.nodes().empty()) return;
    this.#core
      .layout({
        name: "cose",
        animate: false,
        randomize,
        padding: FRAME_PX,
        nodeRepulsion: () => 60_000,
        idealEdgeLength: () => 60,
        componentSpacing: 60,
      })
      .run();
  }

  #mark(chosen: string | null): void {
    this.#core.elements().removeClass("chosen near faded");
    if (chosen === null) return;
    const node = this.#core.getElementById(chosen);
    if (node.empty()) return;
    node.addClass("chosen");
    const near = node.closedNeighborhood();
    near.addClass("near");
    this.#core.elements().not(near).addClass("faded");
  }

  /** Zooms by a factor around the middle. */
  zoom(factor: number): void {
    const { width, height } = { width: this.#core.width(), height: this.#core.height() };
    this.#core.zoom({ level: this.#core.zoom() * factor, renderedPosition: { x: width / 2, y: height / 2 } });
  }

  fit(): void {
    this.#core.fit(undefined, FRAME_PX);
  }

  /** After a change of theme or of zoom. */
  recolour(): void {
    if (this.#core.destroyed()) return;
    const room = (this.#core.width() * this.#core.height()) / Math.max(1, this.#core.nodes().length);
    const isCrowded = room < LABEL_ROOM_PX2;
    this.#core.style(stylesheet(1 / this.#core.zoom(), isCrowded));
  }

  resize(): void {
    this.#core.resize();
    this.fit();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#core.destroy();
  }

  #nodeId(target: unknown): string | undefined {
    const one = target as { isNode?: () => boolean; id?: () => string };
    return one.isNode?.() === true ? one.id?.() : undefined;
  }
}
