/** What Markdown may become: nothing that runs, nothing that phones home. */
import { describe, expect, test } from "vitest";
import { collectReferences, markdownToHtml } from "../src/content/markdown";
import type { MarkdownEnv } from "../src/content/markdown";

describe("safety", () => {
  test("raw HTML is shown as text", () => {
    expect(markdownToHtml('<img src=x onerror="alert(1)">')).not.toContain("<img");
  });

  test.each(["javascript:alert(1)", "vbscript:x", "data:text/html,<script>"])(
    "a link to %s is no link",
    (target) => {
      expect(markdownToHtml(`[a](${target})`)).not.toContain("href");
    },
  );

  test("an image of another host becomes a link, so that reading tells nobody", () => {
    const html = markdownToHtml("![chart](https://example.org/track.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain('href="https://example.org/track.png"');
    expect(html).toContain(">chart</a>");
  });

  test("links open outside and give nothing away", () => {
    const html = markdownToHtml("https://example.org");
    expect(html).toContain('rel="noopener noreferrer nofollow"');
    expect(html).toContain('target="_blank"');
  });

  test("nothing carries an inline style", () => {
    expect(markdownToHtml("| a | b |\n|:-:|--:|\n| 1 | 2 |")).not.toContain("style=");
    expect(markdownToHtml("| a | b |\n|:-:|--:|\n| 1 | 2 |")).toContain('data-align="right"');
  });

  test("the language of code cannot leave its attribute", () => {
    const html = markdownToHtml('```js" onload="x\ncode\n```');
    expect(html).toContain('data-language="js"');
    expect(html).not.toContain("onload");
  });
});

describe("math", () => {
  test.each([
    ["$a^2$", "a^2"],
    ["\\(b\\)", "b"],
  ])("%s is a formula in a line", (text, tex) => {
    expect(markdownToHtml(`see ${text} here`)).toContain(`<code class="math">${tex}</code>`);
  });

  test.each(["$$\nx = y\n$$", "\\[\nx = y\n\\]", "$$x = y$$"])("%j is a formula of its own", (text) => {
    expect(markdownToHtml(text)).toContain('class="math math-display">x = y</code>');
  });

  test.each(["It costs $5 and $6.", "From $10 to $20", "a $ b $ c"])("%j has no formula", (text) => {
    expect(markdownToHtml(text)).not.toContain("math");
  });

  test("TeX inside code stays code", () => {
    expect(markdownToHtml("`$a$`")).not.toContain("math");
  });
});

test("headings start below those of the page", () => {
  expect(markdownToHtml("# A\n\n###### B")).toContain("<h3>A</h3>");
  expect(markdownToHtml("# A\n\n###### B")).toContain("<h6>B</h6>");
});

test("link references reach across blocks of one message", () => {
  const env: MarkdownEnv = {};
  collectReferences("[a][1]\n\n[1]: https://example.org\n", env);
  expect(markdownToHtml("[a][1]", env)).toContain('href="https://example.org"');
});
