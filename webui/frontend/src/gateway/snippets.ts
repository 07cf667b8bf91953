/** A request as code, for those who are about to call the API. */
import type { ChatRequest } from "./asking";

export type Language = "curl" | "python" | "javascript";

export const LANGUAGES: readonly Language[] = ["curl", "python", "javascript"];

export const LANGUAGE_NAMES: Record<Language, string> = {
  curl: "curl",
  python: "Python",
  javascript: "JavaScript",
};

/** `key`: a secret, or a placeholder for one. */
export function snippet(language: Language, base: string, key: string, request: ChatRequest): string {
  switch (language) {
    case "curl":
      // Within single quotes a shell changes nothing; one inside ends them and begins anew.
      return `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify(request, null, 2).replaceAll("'", "'\\''")}'`;
    case "python":
      return `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
answer = client.chat.completions.create(
${fields(request).map(([name, value]) => `    ${name}=${inPython(value)},`).join("\n")}
)
print(answer.choices[0].message.content)`;
    case "javascript":
      return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}", apiKey: "${key}" });
const answer = await client.chat.completions.create({
${fields(request).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`).join("\n")}
});
console.log(answer.choices[0].message.content);`;
  }
}

function fields(request: ChatRequest): [string, unknown][] {
  return Object.entries(request).filter(([, value]) => value !== undefined);
}

/** A literal of Python; texts and numbers are written as in JSON. */
function inPython(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(inPython).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${inPython(one)}`);
  return `{${pairs.join(", ")}}`;
}
