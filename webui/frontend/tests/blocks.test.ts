/** The law of blocks: rendering them apart equals rendering the text as a whole. */
import { describe, expect, test } from "vitest";
import { BlockSplitter } from "../src/content/blocks";
import { markdownToHtml } from "../src/content/markdown";

const TEXTS: Record<string, string> = {
  paragraphs: "One.\nStill one.\n\nTwo.\n\n\nThree.",
  headings: "# A\ntext\n## B\n\nmore\n\nSetext\n======\n\nend",
  "fenced code with blank lines": "Before\n```py\na = 1\n\n\nb = 2\n```\nAfter\n\nEnd",
  "fence inside a fence": "````md\n```js\nx\n```\n\ny\n````\n\nafter",
  "tilde fence": "~~~\n```\n\n~~~\n\ntext",
  "unclosed fence": "text\n\n```js\nlet a;\n\nlet b;",
  "tight list": "- a\n- b\n  - c\n- d\n\nafter",
  "loose list": "- a\n\n- b\n\n  second paragraph of b\n\n- c\n\nafter",
  "numbered list over blank lines": "1. a\n\n2. b\n\n10. c\n\ntext\n\n3. other list",
  "code in a list": "- item\n\n  ```sh\n  ls\n\n  pwd\n  ```\n\n- next\n\nend",
  "fence on the line of a marker": "- ```sh\n  ls\n\n  pwd\n  ```\n- next\n\nend",
  "list ended by text with an open fence": "- item\n  ```\n  code\nmargin\n\n```py\n\nx\n```\n\nend",
  "indented code": "text\n\n    code\n\n    more code\n\nend",
  quotes: "> a\n> b\n\n> c\nlazy\n\nend",
  "quote with code": "> ```\n> a\n>\n> b\n> ```\n\nend",
  table: "| a | b |\n|---|--:|\n| 1 | 2 |\n\nafter | no table",
  rule: "a\n\n---\n\n***\n\nb",
  "display math": "text\n\n$$\na + b\n= c\n$$\n\nafter\n\n\\[\nx\n\\]\n\nend",
  "unclosed math": "price $$ and\n\n$$\nnever closed\n\nnew paragraph\n\nend",
  "inline math and prices": "It costs $5 and $6, while $a+b$ is math and \\(c\\) too.\n\nend",
  "line ends of Windows": "a\r\n\r\n- b\r\n\r\n- c\r\n\r\nd",
  emphasis: "**bold** _it_ ~~gone~~ `code`\n\n[link](https://example.org) https://example.org",
  "html stays text": '<b onclick="x()">no</b>\n\n<script>alert(1)</script>\n\nend',
  "task list": "- [ ] a\n- [x] b\n\nend",
  "empty lines at both ends": "\n\n\na\n\n\n",
};

function whole(text: string): string {
  return markdownToHtml(text, {});
}

function inBlocks(text: string, sizes: (index: number) => number): string {
  const splitter = new BlockSplitter();
  let at = 0;
  for (let index = 0; at < text.length; index += 1) {
    const next = at + sizes(index);
    splitter.push(text.slice(at, next));
    at = next;
  }
  splitter.finish();
  const env = {};
  return splitter.frozen.map((block) => markdownToHtml(block, env)).join("");
}

/** A small generator with a seed, so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe.each(Object.entries(TEXTS))("%s", (_, text) => {
  test("rendered in blocks equals rendered whole, however it arrives", () => {
    const expected = whole(text);
    expect(inBlocks(text, () => text.length)).toBe(expected);
    expect(inBlocks(text, () => 1)).toBe(expected);
    const random = seeded(text.length);
    for (let round = 0; round < 20; round += 1) {
      expect(inBlocks(text, () => 1 + Math.floor(random() * 9))).toBe(expected);
    }
  });

  test("no letter is lost", () => {
    const splitter = new BlockSplitter();
    for (const letter of text) splitter.push(letter);
    splitter.finish();
    expect(splitter.frozen.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
  });
});

test("random mixtures of all kinds keep the law", () => {
  const random = seeded(7);
  const parts = Object.values(TEXTS).filter((text) => !text.includes("never closed"));
  for (let round = 0; round < 300; round += 1) {
    const picked = Array.from({ length: 3 }, () => parts[Math.floor(random() * parts.length)] ?? "");
    const text = picked.join("\n\n");
    expect(inBlocks(text, () => 1 + Math.floor(random() * 30)), JSON.stringify(text)).toBe(
      whole(text),
    );
  }
});

test("a finished paragraph is frozen as soon as the next one begins", () => {
  const splitter = new BlockSplitter();
  splitter.push("First paragraph.\n\nS");
  expect(splitter.frozen).toEqual(["First paragraph.\n\n"]);
  expect(splitter.open).toBe("S");
});

test("open code at the margin is told apart, so that it can grow without being parsed", () => {
  const splitter = new BlockSplitter();
  splitter.push("text\n\n```python\na = 1\n\nb");
  expect(splitter.openFence).toEqual({ info: "python", body: "a = 1\n\nb" });
  splitter.push("\n```\n");
  expect(splitter.openFence).toBeNull();
  expect(splitter.frozen).toHaveLength(2);
});

test("a long answer is read in time that grows with its length only", () => {
  const paragraph = "Some words that make a line of text.\n\n";
  const splitter = new BlockSplitter();
  const start = performance.now();
  for (let i = 0; i < 5000; i += 1) splitter.push(paragraph);
  splitter.finish();
  expect(splitter.frozen).toHaveLength(5000);
  expect(performance.now() - start).toBeLessThan(1500);
});
