/** What a forgetting removed, in words: every number of the answer, none left out. */
import { msg, str } from "@lit/localize";
import type { Proof } from "./types";

export interface ProofLine {
  store: string;
  count: number;
}

function storeName(store: string): string {
  switch (store) {
    case "memories":
      return msg("Memories, word for word");
    case "embeddings":
      return msg("Embeddings (their meaning as numbers)");
    case "links":
      return msg("Links to other memories");
    case "names":
      return msg("Names and places found in them");
    case "derived":
      return msg("Facts drawn from them alone");
    case "facts":
      return msg("Statements read out of them");
    case "pending":
      return msg("Places in the queue for learning");
    case "undelivered":
      return msg("Turns that waited to be remembered");
    case "traces":
      return msg("Traces of use and focus");
    case "sleep_reports":
      return msg("Mentions in reports of sleep");
    case "quotes":
      return msg("Quotes under earlier answers");
    case "left":
      return msg("Still found afterwards");
    default:
      return store.replaceAll("_", " ");
  }
}

/** One line a store, what is left over last; stores inside `stores` stand beside those at the top. */
export function proofLines(proof: Proof): ProofLine[] {
  const counts = new Map<string, number>();
  const read = (entries: Iterable<[string, unknown]>): void => {
    for (const [store, value] of entries) {
      if (typeof value === "number") counts.set(store, value);
    }
  };
  read(Object.entries(proof));
  const { stores } = proof;
  if (Array.isArray(stores)) {
    read(stores.filter((one): one is [string, unknown] => Array.isArray(one) && one.length === 2));
  } else if (typeof stores === "object" && stores !== null) {
    read(Object.entries(stores));
  }
  const left = counts.get("left");
  counts.delete("left");
  if (left !== undefined) counts.set("left", left);
  return [...counts].map(([store, count]) => ({ store: storeName(store), count }));
}

function countOf(proof: Proof, name: string): number {
  const value = proof[name];
  return typeof value === "number" ? value : 0;
}

/** One sentence: how much is gone, and whether anything is left. */
export function proofSentence(proof: Proof): string {
  const memories = countOf(proof, "memories");
  const left = countOf(proof, "left");
  if (left > 0) return msg(str`${left} memories could not be removed. Ask your administrator.`);
  if (memories === 0) return msg("It was gone already: nothing was found to forget.");
  return memories === 1
    ? msg("Gone for good: 1 memory, with everything drawn from it alone.")
    : msg(str`Gone for good: ${memories} memories, with everything drawn from them alone.`);
}
