/** Search snippets: hits marked, everything else plain text. */
import { expect, test } from "vitest";
import { snippetParts } from "../src/content/snippet";

test.each([
  ["a <<b>> c", ["a ", "*b", " c"]],
  ["<<a>><<b>>", ["*a", "*b"]],
  ["no hit", ["no hit"]],
  ["open <<end", ["open <<end"]],
  ["1 >> 0 and <<x>>", ["1 >> 0 and ", "*x"]],
  ["", []],
])("%j", (match, expected) => {
  expect(snippetParts(match).map(({ text, hit }) => (hit ? `*${text}` : text))).toEqual(expected);
});
