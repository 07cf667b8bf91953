/** What a screen reader is told of a growing answer. */
import { expect, test } from "vitest";
import { SentenceReader, plainText } from "../src/content/sentences";

function grow(text: string): string[] {
  const reader = new SentenceReader("Code block.");
  const spoken: string[] = [];
  for (let end = 1; end <= text.length; end += 1) {
    spoken.push(...reader.next(text.slice(0, end), false));
  }
  return [...spoken, ...reader.next(text, true)];
}

test("sentences are said once and whole, never letters", () => {
  expect(grow("Hello there. How are you? Fine")).toEqual(["Hello there.", "How are you?", "Fine"]);
});

test("a point inside a number or an address ends nothing", () => {
  expect(grow("Pi is 3.14 or so. See example.org now.")).toEqual([
    "Pi is 3.14 or so.",
    "See example.org now.",
  ]);
});

test("marks of Markdown are not spelled", () => {
  expect(grow("## Title\n- **bold** item\n[text](https://example.org/x)")).toEqual([
    "Title",
    "bold item",
    "text",
  ]);
});

test("code is named and not read out", () => {
  expect(grow("See:\n```py\nprint('a.')\n```\nDone.")).toEqual(["See:", "Code block.", "Done."]);
});

test("the rule below the head of a table is not spelled", () => {
  const table = "| Day | Place |\n|:----|------:|\n| 1 | Sintra |";
  expect(grow(table)).toEqual(["Day, Place", "1, Sintra"]);
  expect(plainText(`**Plan**\n\n---\n\n${table}`)).toBe("Plan\nDay, Place\n1, Sintra");
});
