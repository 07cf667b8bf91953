/** One conversation between pages and frames, whatever order they come in. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Api } from "../src/api/api";
import { ApiError } from "../src/api/http";
import type { Message, MessagePage, Problem, TurnState } from "../src/api/types";
import { ConversationStore } from "../src/chat/conversation-store";
import type { Link } from "../src/chat/link";
import { conversation, frame, message, turnState } from "./factories";

/** The server's side of one conversation, in memory. */
class Server {
  messages: Message[] = [];
  openTurn: TurnState | null = null;
  nextBefore: number | null = null;
  branch: string | null = "b";
  missing = false;
  record = turnState();
  sent: [string, unknown][] = [];
  reads = 0;
  connected = true;

  readonly link: Link = {
    send: (type, payload) => {
      if (!this.connected) return null;
      this.sent.push([type, payload]);
      return `c${String(this.sent.length)}`;
    },
  };

  readonly api = {
    conversation: async () => {
      if (this.missing) {
        const problem = { type: "", title: "", status: 404, detail: "", instance: "", code: "x" };
        throw new ApiError(problem);
      }
      return await Promise.resolve(conversation({ active_branch_id: this.branch }));
    },
    turn: () => Promise.resolve(this.record),
    cancelTurn: () => Promise.resolve(this.record),
    messages: async (_id: string, query: { before?: number | null }): Promise<MessagePage> => {
      this.reads += 1;
      const items = this.messages.filter(({ seq }) => seq < (query.before ?? Infinity));
      return await Promise.resolve({
        items,
        next_before: query.before == null ? this.nextBefore : null,
        next_after: null,
        open_turn: this.openTurn,
      });
    },
  } as unknown as Api;
}

let server: Server;
let store: ConversationStore;
let problems: Problem[];

const user = message({ id: "u1", seq: 1, text: "hi" });
const acceptedPayload = {
  ref: null,
  client_key: "k",
  created: true,
  turn: "t",
  conversation_id: "c",
  branch_id: "b",
  user_message: user,
  message_id: "m",
  trace_id: "",
};
const accepted = frame("chat.accepted", acceptedPayload);
const ids = { conversation_id: "c", turn: "t", message_id: "m" };
const delta = (seq: number, text: string) => frame("chat.delta", { ...ids, seq, delta: text });
const done = (seq: number, content: string) =>
  frame("chat.done", {
    ...ids,
    seq,
    state: "done",
    content,
    degraded: [],
    recalled: [],
    usage: null,
    model: "sim",
    error: null,
  });

function resumes(): unknown[] {
  return server.sent.filter(([type]) => type === "resume").map(([, payload]) => payload);
}

beforeEach(() => {
  server = new Server();
  problems = [];
  store = new ConversationStore("c", server.api, server.link, (problem) => problems.push(problem));
});

describe("streaming", () => {
  test("an accepted message and its frames become one finished answer", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "Hel"));
    store.onFrame(delta(2, "lo"));
    expect(store.state.open?.content).toBe("Hello");
    store.onFrame(done(3, "Hello"));
    expect(store.state.open).toBeNull();
    expect(store.state.messages.map(({ id, text }) => [id, text])).toEqual([
      ["u1", "hi"],
      ["m", "Hello"],
    ]);
  });

  test("what is accepted while the first page is read is not lost", async () => {
    server.branch = null;
    const loading = store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "Hel"));
    await loading;
    store.onFrame(delta(2, "lo"));
    expect(store.state.open?.content).toBe("Hello");
    expect(store.state.messages.map(({ id }) => id)).toEqual(["u1", "m"]);
  });

  test("a gap is asked for once, and what is missing fills it", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "a"));
    store.onFrame(delta(3, "c"));
    store.onFrame(delta(4, "d"));
    expect(resumes()).toEqual([{ turn: "t", after: 1 }]);
    for (const [seq, text] of [
      [2, "b"],
      [3, "c"],
      [4, "d"],
    ] as const) {
      store.onFrame(delta(seq, text));
    }
    expect(store.state.open?.content).toBe("abcd");
  });

  test("an open turn found on opening is shown and its further frames are asked for", async () => {
    server.messages = [user];
    server.openTurn = turnState({ id: "t", message_id: "m", seq: 2, content: "ab" });
    store.watch();
    await store.load();
    store.onFrame(frame("watching", { ref: null, conversation_id: "c", open_turn: server.openTurn }));
    expect(store.state.open?.content).toBe("ab");
    expect(resumes()).toEqual([{ turn: "t", after: 2 }]);
    store.onFrame(delta(3, "c"));
    expect(store.state.open?.content).toBe("abc");
  });

  test("a turn that ended while the connection was lost is asked for its end", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "a"));
    store.watch();
    store.onFrame(frame("watching", { ref: null, conversation_id: "c", open_turn: null }));
    expect(resumes()).toEqual([{ turn: "t", after: 1 }]);
    store.onFrame(done(2, "a"));
    expect(store.state.open).toBeNull();
  });

  test("a page read before the end never opens a finished turn again", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "a"));
    store.onFrame(done(2, "a"));
    server.openTurn = turnState({ id: "t", message_id: "m", seq: 1, content: "a" });
    await store.load();
    expect(store.state.open).toBeNull();
  });
});

describe("a turn whose last frame was lost", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is asked for when its stream falls silent", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "Hello"));
    server.record = turnState({ id: "t", message_id: "m", seq: 2, content: "Hello", state: "done" });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(store.state.open).toBeNull();
    expect(store.state.messages.at(-1)).toMatchObject({ text: "Hello", turn_state: "done" });
  });

  test("does not keep a user waiting who has asked to stop it", async () => {
    await store.load();
    store.onFrame(accepted);
    store.onFrame(delta(1, "Hel"));
    await store.stop();
    expect(store.state.stopping).toBe(true);
    server.record = turnState({ id: "t", message_id: "m", seq: 1, content: "Hel", state: "cancelled" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(store.state).toMatchObject({ open: null, stopping: false });
  });
});

describe("pages", () => {
  test("older messages are put before what is known, once", async () => {
    server.messages = [1, 2, 3, 4].map((seq) => message({ id: `m${String(seq)}`, seq }));
    const all = server.messages;
    server.messages = all.slice(2);
    server.nextBefore = 3;
    await store.load();
    server.messages = all;
    await Promise.all([store.loadOlder(), store.loadOlder()]);
    expect(store.state.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(store.state.before).toBeNull();
  });

  test("rows missed in between are not papered over", async () => {
    server.messages = [message({ id: "m1", seq: 1 })];
    await store.load();
    server.messages = [90, 91].map((seq) =>
      message({ id: `m${String(seq)}`, seq, parent_id: `m${String(seq - 1)}` }),
    );
    server.nextBefore = 90;
    await store.load();
    expect(store.state.messages.map(({ seq }) => seq)).toEqual([90, 91]);
    expect(store.state.before).toBe(90);
  });

  test("an unknown conversation is told apart from a failure", async () => {
    server.missing = true;
    await store.load();
    expect(store.state.phase).toBe("missing");
    expect(problems).toEqual([]);
  });
});

test("a title that arrives late is shown", async () => {
  await store.load();
  store.onFrame(frame("title_update", { conversation_id: "c", title: "Better" }));
  expect(store.state.conversation?.title).toBe("Better");
});

test("another branch chosen elsewhere is read anew", async () => {
  await store.load();
  const before = server.reads;
  server.branch = "b2";
  server.messages = [message({ id: "other", branch_id: "b2" })];
  store.onFrame(frame("conversation.changed", { conversation_id: "c" }));
  await expect.poll(() => store.state.messages.map(({ id }) => id)).toEqual(["other"]);
  expect(server.reads).toBe(before + 1);
});

test("an answer that ended elsewhere while its branch was read still learns its versions", async () => {
  await store.load();
  const variants = { index: 2, count: 2, branch_ids: ["b", "b2"] };
  server.branch = "b2";
  server.messages = [
    user,
    message({ id: "m", seq: 2, role: "assistant", text: "Hi", turn_state: "done", variants }),
  ];
  vi.spyOn(server.api, "messages").mockResolvedValueOnce({
    items: [user],
    next_before: null,
    next_after: null,
    open_turn: turnState({ branch_id: "b2" }),
  });
  store.onFrame(
    frame("chat.accepted", { ...acceptedPayload, branch_id: "b2", user_message: null }),
  );
  store.onFrame(delta(1, "Hi"));
  store.onFrame(done(2, "Hi"));
  await expect.poll(() => store.state.messages.at(-1)?.variants).toEqual(variants);
  expect(store.state.open).toBeNull();
});
