/** The first load: everything fetched before someone can sign in and write a message. */
import { readFileSync, readdirSync } from "node:fs";

const built = new URL("../static/webui/", import.meta.url);
const assets = readdirSync(new URL("assets/", built));

/** A built module and whatever it imports statically. */
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  if (!name.endsWith(".js")) return seen;
  const code = readFileSync(new URL(`assets/${name}`, built), "utf8");
  for (const [, other] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) closure(other, seen);
  return seen;
}

const page = readFileSync(new URL("index.html", built), "utf8");
const files = new Set();
for (const [, name] of page.matchAll(/assets\/([^"]+)"/g)) closure(name, files);
for (const name of assets.filter((name) => /^(?:sign-in-page|workspace)-.*\.js$/.test(name))) {
  closure(name, files);
}

export default [
  {
    name: "first load",
    path: ["index.html", "theme.js", "icon.svg", ...[...files].map((name) => `assets/${name}`)].map(
      (name) => `../static/webui/${name}`,
    ),
    limit: "120 kB",
    gzip: true,
    brotli: false,
  },
];
