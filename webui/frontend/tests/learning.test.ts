/** What an agent has learnt, drawn and taken back; the graph that is gathered piece by piece. */
import { describe, expect, test } from "vitest";
import { GraphStore, joined, neighboursOf, visibleNodes } from "../src/memory/graph-store";
import { pointsOf, polyline, scaleOf, shareOf, shownValue, stepsBack } from "../src/memory/learning";
import type { Graph } from "../src/memory/types";
import { nameLabel } from "../src/memory/words";
import { adaptation, before, node } from "./memory-factories";

describe("learning", () => {
  test("points are the states after each change, oldest first", () => {
    const learnt = adaptation(1.3, [before(1.2, { cause: "adjust" }), before(1.1), before(1)]);
    const points = pointsOf(learnt);
    expect(points.map(({ weights }) => weights["alpha"])).toEqual([1, 1.1, 1.2, 1.3]);
    expect(points.map(({ change }) => change?.cause ?? null)).toEqual([null, "feedback", "feedback", "adjust"]);
    expect(pointsOf(adaptation(1))).toHaveLength(1);
  });

  test("going back counts only what is not undone", () => {
    const history = [
      { is_undone: true },
      { is_undone: true },
      { is_undone: false },
      { is_undone: false },
    ];
    expect(history.map((_, index) => stepsBack(history, index))).toEqual([0, 0, 1, 2]);
  });

  test("a curve stays in its box, a single value is a point at its end", () => {
    expect(polyline([0, 1], { low: 0, high: 1 }, 100, 50)).toBe("0.0,50.0 100.0,0.0");
    expect(polyline([9], { low: 0, high: 1 }, 100, 50)).toBe("100.0,0.0");
    expect(shareOf(3, { low: 3, high: 3 })).toBe(0);
  });

  test("noise is not drawn as a change", () => {
    const scale = scaleOf([1, 1.001]);
    expect(scale.high - scale.low).toBeGreaterThanOrEqual(0.05);
  });

  test("narrow ranges get a third decimal", () => {
    expect(shownValue(0.0125, { low: 0, high: 0.1 })).toMatch(/0[.,]01[23]/);
    expect(shownValue(0.5)).toMatch(/0[.,]50/);
  });
});

describe("graph", () => {
  const edge = (source: string, target: string) => ({ source, target, relation: "mentions" });
  const first: Graph = { nodes: [node("a"), node("n", { kind: "name" })], edges: [edge("a", "n"), edge("a", "x")] };

  test("edges to nodes that are not here are left out until their end comes", () => {
    const clean = joined({ nodes: [], edges: [] }, first);
    expect(clean.edges).toHaveLength(1);
    const more = joined(clean, { nodes: [node("x"), node("a")], edges: [edge("a", "x"), edge("a", "n")] });
    expect(more.nodes.map(({ id }) => id)).toEqual(["a", "n", "x"]);
    expect(more.edges).toHaveLength(2);
  });

  test("expanding, focusing and filtering narrow and widen what is shown", async () => {
    const answers: Graph[] = [first, { nodes: [node("n", { kind: "name" }), node("b")], edges: [edge("b", "n")] }];
    const asked: unknown[] = [];
    const store = new GraphStore({
      graph: async (query) => {
        asked.push(query);
        return await Promise.resolve(answers.shift() ?? { nodes: [], edges: [] });
      },
    });
    await store.load({});
    expect(await store.expand("n")).toBe(1);
    expect(asked[1]).toMatchObject({ name: "n", hops: 1 });
    const ids = () => visibleNodes(store.state).map(({ id }) => id);
    expect(ids()).toEqual(["a", "n", "b"]);
    store.choose("a");
    store.narrow({ focused: true });
    expect(ids()).toEqual(["a", "n"]);
    store.choose(null);
    store.narrow({ withNames: false });
    expect(ids()).toEqual(["a", "b"]);
    store.narrow({ words: "B" });
    expect(ids()).toEqual(["b"]);
    expect(neighboursOf(store.state, "n").map(({ node: one, direction }) => [one.id, direction])).toEqual([
      ["a", "in"],
      ["b", "in"],
    ]);
  });

  test("names are written as names", () => {
    expect(nameLabel("hanna vogt")).toBe("Hanna Vogt");
    expect(nameLabel("jean-luc")).toBe("Jean-Luc");
    expect(nameLabel("iPhone")).toBe("iPhone");
  });
});
