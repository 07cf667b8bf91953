/** Files of memories go in portions whose line numbers stay those of the file; proofs in words. */
import { describe, expect, test } from "vitest";
import { proofLines, proofSentence } from "../src/memory/proof";
import { importLines, portionsOf, readLines } from "../src/memory/transfer";
import type { ImportProgress } from "../src/memory/transfer";

describe("import", () => {
  test("cuts a file so that every line is in exactly one portion", () => {
    const lines = Array.from({ length: 1_003 }, (_, index) => `{"text": "${String(index)}"}`);
    const portions = portionsOf(`\uFEFF${lines.join("\r\n")}\r\n\r\n`);
    expect(portions.flatMap((portion) => portion.lines)).toEqual(lines);
    expect(portions.map(({ firstLine }) => firstLine)).toEqual([1, 251, 501, 751, 1001]);
  });

  test("long lines make small portions, one too long line goes alone", () => {
    const portions = portionsOf(["a".repeat(900_000), "b".repeat(900_000), "c".repeat(3_000_000), "d"].join("\n"));
    expect(portions.map((portion) => portion.lines.length)).toEqual([1, 1, 1, 1]);
    expect(portionsOf("")).toEqual([]);
  });

  test("adds up what each portion says, with the line numbers of the file", async () => {
    const text = Array.from({ length: 600 }, (_, index) => String(index + 1)).join("\n");
    const reports: ImportProgress[] = [];
    const result = await importLines(
      text,
      async (portion) => {
        const lines = portion.trimEnd().split("\n");
        const bad = lines.indexOf("600");
        return await Promise.resolve({
          kept: lines.length - (bad < 0 ? 0 : 1),
          known: 0,
          refused: bad < 0 ? [] : [{ line: bad + 1, detail: "no text" }],
        });
      },
      (progress) => reports.push(progress),
    );
    expect(result).toMatchObject({ kept: 599, doneLines: 600, allLines: 600 });
    expect(result.refused).toEqual([{ line: 600, detail: "no text" }]);
    expect(reports.map(({ doneLines }) => doneLines)).toEqual([0, 250, 500, 600]);
  });
});

test("export counts lines while they come in", async () => {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(encoder.encode('{"a":1}\n{"b"'));
      controller.enqueue(encoder.encode(":2}\n"));
      controller.close();
    },
  });
  const counts: number[] = [];
  const { file, lines } = await readLines(body, (count) => counts.push(count));
  expect(await file.text()).toBe('{"a":1}\n{"b":2}\n');
  expect(lines).toBe(2);
  expect(counts).toEqual([1, 2]);
});

describe("proof", () => {
  const proof = { memories: 2, left: 0, stores: { memories: 2, embeddings: 2, links: 0, new_store: 7 } };

  test("shows every store, those that held nothing and those unknown here too, what is left last", () => {
    const lines = proofLines(proof);
    expect(lines.map(({ count }) => count)).toEqual([2, 2, 0, 7, 0]);
    expect(lines.map(({ store }) => store)).toContain("new store");
    expect(lines.at(-1)?.store).toBe("Still found afterwards");
  });

  test("says it when something could not be removed", () => {
    expect(proofSentence(proof)).toContain("2 memories");
    expect(proofSentence({ memories: 1, left: 1 })).toContain("could not be removed");
    expect(proofSentence({ memories: 0, left: 0 })).toContain("nothing was found");
  });
});
