/** Names for kinds, speakers, states and relations of memories. */
import { msg } from "@lit/localize";

export function kindName(kind: string): string {
  switch (kind) {
    case "episodic":
      return msg("Episode");
    case "semantic":
      return msg("Fact");
    case "working":
      return msg("In focus");
    case "procedural":
      return msg("What worked");
    default:
      return kind;
  }
}

export function speakerName(speaker: string): string {
  if (speaker === "user") return msg("You");
  return speaker === "assistant" ? msg("The agent") : speaker;
}

export function stateNote(state: string): string {
  switch (state) {
    case "stored":
      return msg("Found by its words; its meaning is being learned");
    case "indexed":
      return msg("Found by its words and its meaning");
    case "consolidated":
      return msg("Found by its words and its meaning, and replayed in sleep");
    default:
      return state;
  }
}

/** What a link says, seen from the memory at hand. */
export function relationName(relation: string, direction = "out"): string {
  const isIn = direction.startsWith("in");
  switch (relation) {
    case "supersedes":
      return isIn ? msg("Replaced by") : msg("Replaces");
    case "derived_from":
      return isIn ? msg("Source of the fact") : msg("Drawn from");
    case "mentions":
      return isIn ? msg("Mentioned in") : msg("Mentions");
    case "causes":
      return isIn ? msg("Caused by") : msg("Causes");
    case "contradicts":
      return msg("Contradicts");
    case "related":
      return msg("Related to");
    default:
      return relation.replaceAll("_", " ");
  }
}

/** A name as it is written: the server keeps names in small letters, to tell them apart. */
export function nameLabel(name: string): string {
  if (name !== name.toLocaleLowerCase()) return name;
  return name.replaceAll(/(^|[\s-])(\p{Ll})/gu, (_, before: string, letter: string) => before + letter.toLocaleUpperCase());
}
