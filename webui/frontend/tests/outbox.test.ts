/** Nothing typed is lost, nothing is said twice. */
import { beforeEach, describe, expect, test } from "vitest";
import { Drafts } from "../src/chat/drafts";
import { Outbox } from "../src/chat/outbox";
import { MemoryStorage } from "./factories";

interface Sent {
  conversation_id: string;
  content: string;
  client_key: string;
}

let storage: MemoryStorage;
let online: boolean;
let sent: Sent[];
let planned: [number, () => void][];

function outbox(userId = "u"): Outbox {
  let keys = 0;
  return new Outbox(
    storage,
    () => userId,
    (_, payload) => {
      if (!online) return null;
      sent.push(payload);
      return `ref-${String(sent.length)}`;
    },
    () => `key-${userId}-${String((keys += 1))}`,
    () => new Date("2025-03-12T09:30:00Z"),
    (act, ms) => planned.push([ms, act]),
  );
}

const problem = { type: "", title: "No", status: 409, detail: "", instance: "r", code: "busy" };

beforeEach(() => {
  storage = new MemoryStorage();
  online = true;
  sent = [];
  planned = [];
});

describe("the outbox", () => {
  test("sends again by itself what only the database was away for", () => {
    const box = outbox();
    const { client_key: key } = box.add("c", "hello");
    box.refused("ref-1", { ...problem, code: "busy" });
    expect(planned).toEqual([]);
    box.retry(key);
    box.refused("ref-2", { ...problem, code: "database-away", retry_after: 3 });
    expect(planned.map(([ms]) => ms)).toEqual([3000]);
    expect(sent).toHaveLength(2);
    planned[0]?.[1]();
    expect(sent.map((message) => message.client_key)).toEqual([key, key, key]);
    box.refused("ref-3", { ...problem, code: "database-away" });
    expect(planned.map(([ms]) => ms)).toEqual([3000, 2000]);
    box.withdraw(key);
    planned[1]?.[1]();
    expect(sent).toHaveLength(3);
  });

  test("keeps what was written offline and sends it with the same key later", () => {
    online = false;
    const box = outbox();
    const { client_key: key } = box.add("c", "hello");
    expect(sent).toEqual([]);
    online = true;
    box.flush();
    box.flush();
    expect(sent.map((message) => message.client_key)).toEqual([key, key]);
  });

  test("survives a reload, and forgets once accepted", () => {
    online = false;
    const { client_key: key } = outbox().add("c", "hello");
    const reloaded = outbox();
    reloaded.load();
    expect(reloaded.forConversation("c")).toMatchObject([{ content: "hello", client_key: key }]);
    reloaded.accepted(key);
    const again = outbox();
    again.load();
    expect(again.state.items).toEqual([]);
  });

  test("keeps a refused message with its reason, and sends the same key on retry", () => {
    const box = outbox();
    const { client_key: key } = box.add("c", "hello");
    expect(box.refused("ref-1", problem)).toBe(true);
    expect(box.state.items).toMatchObject([{ problem: { code: "busy" } }]);
    box.flush();
    expect(sent).toHaveLength(1);
    box.retry(key);
    expect(sent.map((message) => message.client_key)).toEqual([key, key]);
    expect(box.state.items).toMatchObject([{ problem: null }]);
  });

  test("leaves errors alone that answer something else", () => {
    const box = outbox();
    box.add("c", "hello");
    expect(box.refused("ref-9", problem)).toBe(false);
    expect(box.refused(null, problem)).toBe(false);
  });

  test("gives the text back when a message is taken back", () => {
    online = false;
    const box = outbox();
    const { client_key: key } = box.add("c", "hello");
    expect(box.withdraw(key)).toBe("hello");
    online = true;
    box.flush();
    expect(sent).toEqual([]);
  });

  test("shows nobody the messages of someone else on the same machine", () => {
    online = false;
    outbox("alice").add("c", "secret");
    const other = outbox("bob");
    other.load();
    expect(other.state.items).toEqual([]);
  });
});

describe("drafts", () => {
  test("are kept per person and conversation", () => {
    const drafts = new Drafts(storage, () => "u");
    drafts.write("c1", "one");
    drafts.write("c2", "two");
    expect(new Drafts(storage, () => "u").read("c1")).toBe("one");
    expect(new Drafts(storage, () => "v").read("c1")).toBe("");
  });

  test("are forgotten on request, and only those of that person", () => {
    const mine = new Drafts(storage, () => "u");
    const theirs = new Drafts(storage, () => "v");
    mine.write("c1", "one");
    mine.write("new", "two");
    theirs.write("c1", "theirs");
    mine.clear();
    expect([mine.read("c1"), mine.read("new"), theirs.read("c1")]).toEqual(["", "", "theirs"]);
  });

  test("a full storage stops nobody from typing", () => {
    const full = new MemoryStorage();
    full.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    expect(() => {
      new Drafts(full, () => "u").write("c", "text");
    }).not.toThrow();
  });
});
