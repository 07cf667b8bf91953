/** Forgetting one memory: nothing is asked before the time to undo is over, everything after. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError } from "../src/api/http";
import { ForgettingStore, shortened } from "../src/memory/forgetting";
import { ToastStore } from "../src/ui/toasts";

let asked: [string, boolean][];
let failure: ApiError | null;
let toasts: ToastStore;
let store: ForgettingStore;

const problem = { type: "", title: "Away", status: 503, detail: "", instance: "r1", code: "away" };

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  failure = null;
  toasts = new ToastStore();
  store = new ForgettingStore(
    {
      forget: async (id, options) => {
        asked.push([id, options?.keepalive ?? false]);
        if (failure !== null) throw failure;
        return await Promise.resolve({ memories: 1, left: 0 });
      },
    },
    toasts,
  );
});

afterEach(() => {
  vi.useRealTimers();
});

function lastToast(): number {
  return toasts.state.toasts.at(-1)?.id ?? -1;
}

describe("the undo window", () => {
  test("hides at once and asks the server only when it is over", async () => {
    store.forget("m1", "a secret");
    expect(store.state.hidden.has("m1")).toBe(true);
    expect(toasts.state.toasts.at(-1)?.text).toContain("a secret");
    await vi.advanceTimersByTimeAsync(9_000);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toEqual([["m1", false]]);
    expect(toasts.state.toasts.at(-1)?.text).toContain("1 memory");
    expect(store.state.hidden.has("m1")).toBe(true);
  });

  test("undo brings it back and the server never hears of it", async () => {
    store.forget("m1", "a secret");
    toasts.undo(lastToast());
    expect(store.state.hidden.has("m1")).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    await store.finish();
    expect(asked).toEqual([]);
  });

  test("reading the toast holds the clock", async () => {
    store.forget("m1", "a secret");
    toasts.hold(lastToast());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([]);
    toasts.release(lastToast());
    await vi.advanceTimersByTimeAsync(11_000);
    expect(asked).toEqual([["m1", false]]);
  });

  test("a page that goes away sends what waits, once, so that it outlives the page", async () => {
    store.forget("m1", "one");
    store.forget("m2", "two");
    store.leave();
    expect(asked).toEqual([
      ["m1", true],
      ["m2", true],
    ]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(2);
  });

  test("signing out finishes what waits before it goes on", async () => {
    store.forget("m1", "one");
    await store.finish();
    expect(asked).toEqual([["m1", false]]);
  });

  test("more toasts than are shown do not lose a deletion", async () => {
    for (const id of ["m1", "m2", "m3", "m4", "m5"]) store.forget(id, id);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.map(([id]) => id).sort()).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  });
});

test("what the server refuses is shown again, with the reason", async () => {
  failure = new ApiError(problem);
  store.forget("m1", "a secret");
  await store.finish();
  expect(store.state.hidden.has("m1")).toBe(false);
  expect(toasts.state.toasts.at(-1)?.problem?.code).toBe("away");
});

test("what is gone already stays gone without a complaint", async () => {
  failure = new ApiError({ ...problem, status: 404, code: "no-such-memory" });
  store.forget("m1", "a secret");
  await store.finish();
  expect(store.state.hidden.has("m1")).toBe(true);
  expect(toasts.state.toasts.every((toast) => toast.problem === null)).toBe(true);
});

test("long words are cut at a word", () => {
  expect(shortened("one two three four", 12)).toBe("one two…");
  expect(shortened("  a\n b ", 12)).toBe("a b");
  expect(shortened("x".repeat(30), 10)).toBe(`${"x".repeat(9)}…`);
});
