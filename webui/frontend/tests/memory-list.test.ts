/** The list of memories: only the newest question writes its answer; pages; the selection. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { addressOf, filterOf, isNarrowed, kindOf, tabOf } from "../src/memory/filter-address";
import { byConversation } from "../src/memory/groups";
import { MemoryListStore, NO_FILTER } from "../src/memory/list-store";
import { dayBound } from "../src/memory/memory-api";
import type { MemoryFilter, MemoryPage } from "../src/memory/types";
import { memory } from "./memory-factories";

type Question = { filter: MemoryFilter; cursor: string | null; signal: AbortSignal | undefined };

let questions: (Question & { answer: (page: MemoryPage) => void; fail: () => void })[];
let store: MemoryListStore;

function ask(filter: MemoryFilter, cursor: string | null, signal?: AbortSignal): Promise<MemoryPage> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => {
      reject(new DOMException("aborted", "AbortError"));
    });
    questions.push({
      filter,
      cursor,
      signal,
      answer: resolve,
      fail: () => {
        reject(new TypeError("network"));
      },
    });
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  questions = [];
  store = new MemoryListStore({
    search: (filter, _limit, signal) => ask(filter, null, signal),
    recent: (filter, _limit, cursor, signal) => ask(filter, cursor ?? null, signal),
  });
});

afterEach(() => {
  vi.useRealTimers();
});

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

test("typing asks once it pauses, and the older question is cancelled", async () => {
  void store.load();
  store.show({ q: "c" });
  store.show({ q: "ca" });
  store.show({ q: "cat" });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(questions.map(({ filter }) => filter.q)).toEqual(["", "cat"]);
  expect(questions[0]?.signal?.aborted).toBe(true);
  questions[1]?.answer({ items: [memory({ memory_id: "late" })], next: null });
  await settle();
  expect(store.state.items.map(({ memory_id: id }) => id)).toEqual(["late"]);
  expect(store.state.searching).toBe(false);
});

test("a page that comes after the filter has changed is not added", async () => {
  void store.load();
  questions[0]?.answer({ items: [memory()], next: "n1" });
  await settle();
  void store.loadMore();
  expect(questions[1]?.cursor).toBe("n1");
  store.show({ speaker: "assistant" });
  questions[1]?.answer({ items: [memory({ memory_id: "old" })], next: null });
  await settle();
  questions[2]?.answer({ items: [memory({ memory_id: "new" })], next: null });
  await settle();
  expect(store.state.items.map(({ memory_id: id }) => id)).toEqual(["new"]);
});

test("what is no longer shown is no longer selected", async () => {
  void store.load();
  questions[0]?.answer({ items: [memory(), memory({ memory_id: "m2" })], next: null });
  await settle();
  store.selectAll(["m1", "m2"]);
  void store.load();
  questions[1]?.answer({ items: [memory({ memory_id: "m2" })], next: null });
  await settle();
  expect([...store.state.selected]).toEqual(["m2"]);
});

test("a failure of the next page leaves what is shown", async () => {
  void store.load();
  questions[0]?.answer({ items: [memory()], next: "n1" });
  await settle();
  void store.loadMore();
  questions[1]?.fail();
  await settle();
  expect(store.state.phase).toBe("ready");
  expect(store.state.items).toHaveLength(1);
  expect(store.state.moreProblem?.code).toBe("network");
});

test("a filter survives its address, tab included", () => {
  const filter = { ...NO_FILTER, q: "who & what?", speaker: "user", since: "2026-03-01", kind: "semantic" };
  const address = addressOf(filter, "facts");
  const query = new URLSearchParams(address.split("?")[1]);
  expect(filterOf(query)).toEqual(filter);
  expect(tabOf(query)).toBe("facts");
  expect(addressOf(NO_FILTER, "all")).toBe("/memory");
  expect(isNarrowed({ ...NO_FILTER, kind: kindOf("facts") })).toBe(false);
  expect(kindOf(tabOf(new URLSearchParams("tab=focus")))).toBe("working");
});

test("the last day of a filter is included, and nonsense is no day", () => {
  const from = dayBound("2026-03-01", "from");
  const until = dayBound("2026-03-01", "until");
  expect(Date.parse(until ?? "") - Date.parse(from ?? "")).toBe(86_400_000);
  expect(dayBound("soon", "from")).toBeUndefined();
});

test("memories gather under their conversation, those without one last", () => {
  const groups = byConversation([
    memory({ memory_id: "1", conversation_id: null }),
    memory({ memory_id: "2", conversation_id: "b" }),
    memory({ memory_id: "3", conversation_id: "a" }),
    memory({ memory_id: "4", conversation_id: "b" }),
  ]);
  expect(groups.map(({ conversationId, items }) => [conversationId, items.length])).toEqual([
    ["b", 2],
    ["a", 1],
    [null, 1],
  ]);
});
