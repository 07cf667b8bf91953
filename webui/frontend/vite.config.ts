/** How the interface is built: one shell, one sandboxed diagram frame, a digest of the sources. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { sourceDigest } from "./build/digest.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
const outDir = fileURLToPath(new URL("../static/webui", import.meta.url));
const backend = process.env["SOMA_BACKEND"] ?? "http://127.0.0.1:20001";

/** Writes build.json last, so that an interrupted build counts as missing. */
function buildDigest(): Plugin {
  return {
    name: "soma-build-digest",
    apply: "build",
    closeBundle() {
      mkdirSync(outDir, { recursive: true });
      writeFileSync(`${outDir}/build.json`, `${JSON.stringify({ digest: sourceDigest(root) })}\n`);
    },
  };
}

export default defineConfig({
  base: "/static/webui/",
  plugins: [buildDigest()],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2023",
    // An inlined asset would be a data: URL, which the content security policy refuses for fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Mermaid's parts are large by nature and load only when a diagram is met.
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: { index: "index.html", diagram: "diagram.html" } },
  },
  server: {
    proxy: {
      "/api": backend,
      "/ws": { target: backend.replace(/^http/, "ws"), ws: true },
    },
  },
});
