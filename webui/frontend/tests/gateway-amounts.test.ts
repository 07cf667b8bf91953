import { describe, expect, it } from "vitest";
import { csvOf, shownAmount, shownDollars } from "../src/gateway/amounts";
import { EventReader } from "../src/gateway/asking";
import { LANGUAGES, snippet } from "../src/gateway/snippets";

const ROW = {
  bucket: "2026-11-21T00:00:00Z",
  name: "a, model",
  calls: 2,
  failures: 0,
  estimated: 1,
  input_tokens: 10,
  cached_tokens: 0,
  output_tokens: 5,
  audio_seconds: 0,
  characters: 0,
  cost_micros: 1_234,
};

describe("amounts", () => {
  it("shows small sums with the digits that they need", () => {
    expect(shownDollars(1_234)).toBe("$0.001234");
    expect(shownDollars(12_500_000)).toBe("$12.50");
    expect(shownAmount("tokens", 1_500_000_000)).toBe("1,500");
  });

  it("writes rows that a spreadsheet reads and does not run", () => {
    const text = csvOf([ROW, { ...ROW, name: "=HYPERLINK()" }], "model");
    expect(text.split("\r\n")[1]).toBe('2026-11-21T00:00:00Z,"a, model",2,0,1,10,0,5,0,0,1234');
    expect(text).toContain("'=HYPERLINK()");
  });

  it("puts address, key and model into each language's code", () => {
    for (const language of LANGUAGES) {
      const text = snippet(language, "https://here/v1", "soma_sk_x", {
        model: "agent/soma",
        messages: [{ role: "user", content: "It's\n\"late\"" }],
        temperature: 0.5,
      });
      for (const part of ["https://here/v1", "soma_sk_x", "agent/soma", "temperature"]) expect(text).toContain(part);
    }
  });
});

describe("an answer that comes as events", () => {
  it("is read the same wherever it is cut", () => {
    const stream = ': ping\n\ndata: {"a": 1}\n\ndata: [DONE]\n\n';
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const reader = new EventReader();
      const found = [...reader.feed(stream.slice(0, cut)), ...reader.feed(stream.slice(cut))];
      expect(found).toEqual(['{"a": 1}', "[DONE]"]);
    }
  });
});
