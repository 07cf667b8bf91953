/**
 * The inside of the diagram frame: Mermaid, in a sandbox without an origin.
 *
 * Mermaid writes style elements, which the policy of the page refuses; here they harm nobody,
 * because this document has no cookies, no network and no access to its parent. It answers each
 * message `{id, source, theme}` with `{id, svg}` or `{id, failure}`.
 */
import mermaid from "mermaid";

interface Request {
  id: string;
  source: string;
  theme: "default" | "dark";
  fontFamily: string;
}

function asImage(markup: string): { svg: string; width: number; height: number } {
  const holder = document.createElement("div");
  holder.innerHTML = markup;
  const svg = holder.querySelector("svg");
  if (svg === null) throw new Error("no diagram");
  const [, , width = 300, height = 150] = (svg.getAttribute("viewBox") ?? "").split(/[ ,]+/).map(Number);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  svg.removeAttribute("style");
  return { svg: new XMLSerializer().serializeToString(svg), width, height };
}

async function draw(request: Request): Promise<void> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    theme: request.theme,
    fontFamily: request.fontFamily,
    // HTML inside SVG does not survive being shown as an image.
    htmlLabels: false,
    suppressErrorRendering: true,
  });
  try {
    const { svg } = await mermaid.render(`d${request.id}`, request.source);
    parent.postMessage({ id: request.id, ...asImage(svg) }, "*");
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    parent.postMessage({ id: request.id, failure: reason }, "*");
  }
}

// Mermaid keeps one global configuration: diagrams are drawn one after the other.
let queue = Promise.resolve();
addEventListener("message", (event: MessageEvent<Request>) => {
  if (event.source !== parent) return;
  queue = queue.then(() => draw(event.data));
});
parent.postMessage({ ready: true }, "*");
