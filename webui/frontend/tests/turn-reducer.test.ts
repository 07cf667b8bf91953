/** The law of turns, on the fixtures that the Python reducer replays too. */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { adoptTurnState, applyFrame, blankTurn } from "../src/chat/turn-reducer";
import type { SequencedFrame, TurnFrame, TurnView } from "../src/chat/turn-reducer";
import { turnState } from "./factories";

interface Fixture {
  name: string;
  frames: ({ type: string } & Record<string, unknown>)[];
  snapshots: Record<string, TurnView>;
}

const FOLDER = new URL("../../../tests/fixtures/frames/", import.meta.url);
const SEQUENCED = ["chat.delta", "chat.note", "chat.done"];

const fixtures = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Fixture);

function sequenced(fixture: Fixture): SequencedFrame[] {
  return fixture.frames.filter((frame) =>
    SEQUENCED.includes(frame.type),
  ) as unknown as SequencedFrame[];
}

function replay(start: TurnView | null, frames: readonly TurnFrame[]): TurnView | null {
  let view = start;
  for (const frame of frames) {
    const next = applyFrame(view, frame);
    expect(next.verdict).toBe("applied");
    view = next.view;
  }
  return view;
}

test("there are fixtures to replay", () => {
  expect(fixtures.length).toBeGreaterThanOrEqual(3);
});

describe.each(fixtures.map((fixture) => [fixture.name, fixture] as const))("%s", (_, fixture) => {
  const frames = sequenced(fixture);
  const marks = Object.keys(fixture.snapshots).map(Number);

  test("a snapshot and the frames after it give every later snapshot", () => {
    for (const from of marks) {
      for (const to of marks.filter((mark) => mark >= from)) {
        const between = frames.filter(({ seq }) => seq > from && seq <= to);
        const start = fixture.snapshots[String(from)] ?? null;
        expect(replay(start, between)).toEqual(fixture.snapshots[String(to)]);
      }
    }
  });

  test("the frames alone give every snapshot", () => {
    for (const mark of marks.filter((mark) => mark > 0)) {
      expect(
        replay(
          null,
          frames.filter(({ seq }) => seq <= mark),
        ),
      ).toEqual(fixture.snapshots[String(mark)]);
    }
  });

  test("frames that come twice or after their snapshot change nothing", () => {
    let view: TurnView | null = null;
    for (const frame of frames) {
      view = applyFrame(view, frame).view;
      for (const old of frames.filter(({ seq }) => seq <= frame.seq)) {
        const again = applyFrame(view, old);
        expect(again.verdict).toBe("duplicate");
        expect(again.view).toBe(view);
      }
    }
  });

  test("a frame too early is refused and changes nothing", () => {
    const first = frames[0];
    const third = frames[2];
    if (first === undefined || third === undefined) throw new Error("fixture too short");
    const { view } = applyFrame(null, first);
    const early = applyFrame(view, third);
    expect(early.verdict).toBe("gap");
    expect(early.view).toBe(view);
  });

  test("a snapshot replaces whatever was known", () => {
    const last = marks.at(-1);
    const snapshot = fixture.snapshots[String(last)];
    if (snapshot === undefined) throw new Error("fixture without snapshots");
    const foreign = { ...snapshot, content: "something else", seq: 99 };
    const { view } = applyFrame(foreign, { type: "chat.snapshot", ...snapshot });
    expect(view).toEqual(snapshot);
  });

  test("the end says the same text as the deltas joined", () => {
    const joined = frames.map((frame) => (frame.type === "chat.delta" ? frame.delta : "")).join("");
    const end = frames.at(-1);
    if (end?.type === "chat.done") expect(end.content).toBe(joined);
  });
});

describe("a turn told by REST", () => {
  test("is taken over when it is further than what is known", () => {
    const view = adoptTurnState(
      blankTurn("c", "t", "m"),
      turnState({ id: "t", seq: 4, content: "four" }),
    );
    expect(view).toMatchObject({ seq: 4, content: "four", turn: "t" });
  });

  test("never sets back a stream that is already further", () => {
    const known = { ...blankTurn("c", "t", "m"), seq: 9, content: "nine" };
    expect(adoptTurnState(known, turnState({ id: "t", seq: 4, content: "four" }))).toBe(known);
  });

  test("ends a turn whose last frame was lost", () => {
    const known = { ...blankTurn("c", "t", "m"), seq: 9, content: "nine" };
    const ended = turnState({ id: "t", seq: 9, content: "nine", state: "cancelled" });
    expect(adoptTurnState(known, ended).state).toBe("cancelled");
  });

  test("never opens a turn again that has ended", () => {
    const known = { ...blankTurn("c", "t", "m"), seq: 4, state: "done" as const };
    expect(adoptTurnState(known, turnState({ id: "t", seq: 4 }))).toBe(known);
  });
});
