/**
 * The digest of everything that decides the built interface.
 *
 * The same rule stands in `webui/buildinfo.py`, which compares the two at start-up:
 * sha256 over one line a file, `<posix path>\0<sha256 of content>\n`, sorted by path bytes.
 * Must never read modification times: a fresh clone and a touched file give the same digest.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";

const SOURCES = [
  ".npmrc",
  "build",
  "diagram.html",
  "index.html",
  "package-lock.json",
  "package.json",
  "public",
  "src",
  "tsconfig.build.json",
  "tsconfig.json",
  "vite.config.ts",
];

function filesUnder(root: string, path: string): string[] {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return [];
  if (statSync(absolute).isFile()) return [path];
  return readdirSync(absolute).flatMap((name) => filesUnder(root, `${path}/${name}`));
}

function sha256(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The digest of the sources under `root`, as lower-case hex. */
export function sourceDigest(root: string): string {
  const paths = SOURCES.flatMap((path) => filesUnder(root, path));
  paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const total = createHash("sha256");
  for (const path of paths) total.update(`${path}\0${sha256(readFileSync(join(root, path)))}\n`);
  return total.digest("hex");
}
