/** What is limited: taken from frames, cleared by a new connection; words of the health page. */
import { describe, expect, it } from "vitest";
import type { Health, ServerFrame } from "../src/generated/frames";
import type { Breaker } from "../src/health/health-api";
import { HealthStore } from "../src/health/health-store";
import { breakerState, latency, levelName, stateName } from "../src/health/health-words";

const AWAY: Health = {
  level: "severe",
  since: "2026-03-01T12:00:00.000Z",
  limitations: [
    {
      service: "llm",
      state: "down",
      since: "2026-03-01T12:00:00.000Z",
      text: "The language model cannot be reached.",
      next: "It is tried again.",
      detail: null,
    },
  ],
};

function frame(type: "health" | "connected", payload: unknown): ServerFrame {
  return { type, id: "1", timestamp: "", payload } as ServerFrame;
}

function told(...frames: ServerFrame[]): HealthStore {
  const store = new HealthStore();
  for (const one of frames) store.onFrame(one);
  return store;
}

describe("HealthStore", () => {
  it("shows what the server pushed, the newest word first", () => {
    const worse = { ...AWAY, level: "critical" as const };
    expect(told(frame("health", AWAY)).state.health).toEqual(AWAY);
    expect(told(frame("health", AWAY), frame("health", worse)).state.health).toEqual(worse);
  });

  it("is empty when nothing is limited any more, on a new connection and after leaving", () => {
    const over = { ...AWAY, level: "none" as const, limitations: [] };
    expect(told(frame("health", AWAY), frame("health", over)).state.health).toBeNull();
    expect(told(frame("health", AWAY), frame("connected", {})).state.health).toBeNull();
    const store = told(frame("health", AWAY));
    store.reset();
    expect(store.state.health).toBeNull();
  });

  it("tells its followers of changes and of nothing else", () => {
    const store = new HealthStore();
    let changes = 0;
    store.subscribe(() => {
      changes += 1;
    });
    store.onFrame(frame("connected", {}));
    store.onFrame({ type: "pong", id: "1", timestamp: "", payload: {} });
    expect(changes).toBe(0);
    store.onFrame(frame("health", AWAY));
    expect(changes).toBe(1);
  });
});

describe("words", () => {
  const breaker: Breaker = {
    name: "model:1:gpt",
    title: "gpt at Acme",
    dependency: "model:openai",
    state: "closed",
    failures: 0,
    trial_in_s: null,
  };

  it("say where a breaker stands and what comes next", () => {
    expect(breakerState(breaker)).toBe("Closed: calls go through");
    expect(breakerState({ ...breaker, failures: 2 })).toContain("2 failed");
    expect(breakerState({ ...breaker, state: "open", failures: 3, trial_in_s: 11.2 })).toContain(
      "12 s",
    );
    expect(breakerState({ ...breaker, state: "half-open", trial_in_s: 0 })).toContain("trial");
  });

  it("name every state and level differently", () => {
    const states = (["ok", "slow", "down", "unknown"] as const).map(stateName);
    const levels = (["none", "minor", "moderate", "severe", "critical"] as const).map(levelName);
    expect(new Set(states).size).toBe(4);
    expect(new Set(levels).size).toBe(5);
  });

  it("give a latency only where there is one", () => {
    expect([latency(null), latency(0.61), latency(41.4)]).toEqual(["–", "0.6 ms", "41 ms"]);
  });
});
