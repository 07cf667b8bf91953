/** What an answer goes without, in words: one sentence for each code. */
import { msg, str } from "@lit/localize";

export function degradedText(code: string): string {
  switch (code) {
    case "memory":
      return msg("Answering without memory: earlier conversations could not be recalled in time.");
    case "session":
      return msg(
        "Neither memory nor the language model were well, so this was answered without the earlier messages.",
      );
    case "no-model":
      return msg(
        "No language model is configured, so this was answered from memory alone.",
      );
    case "models-down":
      return msg("No language model could be reached, so this was answered from memory alone.");
    case "stream":
      return msg("Live updates are limited just now; the answer may appear in larger pieces.");
    case "output-limit":
      return msg("The answer was cut at its length limit. “Continue” goes on from there.");
    default:
      return msg(str`Answering with limits (${code}).`);
  }
}
