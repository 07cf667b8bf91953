/** A request as code, for those who are about to call the API. */

export type Language = "curl" | "python" | "javascript";

export const LANGUAGES: readonly Language[] = ["curl", "python", "javascript"];

export const LANGUAGE_NAMES: Record<Language, string> = {
  curl: "curl",
  python: "Python",
  javascript: "JavaScript",
};

/** `key`: a secret, or a placeholder for one. */
export function snippet(language: Language, base: string, key: string, model: string): string {
  switch (language) {
    case "curl":
      return `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`;
    case "python":
      return `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`;
    case "javascript":
      return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}", apiKey: "${key}" });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`;
  }
}
