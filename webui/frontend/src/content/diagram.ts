/**
 * Mermaid source to an inert picture.
 *
 * Owns the one sandboxed frame in which Mermaid runs; gives back SVG as the source of an
 * `<img>`, in which neither scripts nor links live.
 */
export interface Picture {
  url: string;
  width: number;
  height: number;
}

interface Answer {
  ready?: true;
  id?: string;
  svg?: string;
  width?: number;
  height?: number;
  failure?: string;
}

interface Waiting {
  resolve(picture: Picture): void;
  reject(reason: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

const FRAME_URL = "/diagram-frame";
const DRAW_WITHIN_MS = 20_000;

const waiting = new Map<string, Waiting>();
let frame: Promise<Window> | null = null;
let nextId = 0;

function openFrame(): Promise<Window> {
  return new Promise((resolve, reject) => {
    const element = document.createElement("iframe");
    element.className = "diagram-frame";
    element.setAttribute("sandbox", "allow-scripts");
    element.setAttribute("aria-hidden", "true");
    element.tabIndex = -1;
    element.title = "";
    const timer = setTimeout(() => {
      element.remove();
      frame = null;
      reject(new Error("the diagram frame did not start"));
    }, DRAW_WITHIN_MS);
    addEventListener("message", (event: MessageEvent<Answer>) => {
      const inner = element.contentWindow;
      if (inner === null || event.source !== inner) return;
      if (event.data.ready === true) {
        clearTimeout(timer);
        resolve(inner);
      } else {
        settle(event.data);
      }
    });
    element.src = FRAME_URL;
    document.body.append(element);
  });
}

function settle(answer: Answer): void {
  const id = answer.id ?? "";
  const found = waiting.get(id);
  if (found === undefined) return;
  waiting.delete(id);
  clearTimeout(found.timer);
  if (answer.svg === undefined) {
    found.reject(new Error(answer.failure ?? "not drawn"));
    return;
  }
  found.resolve({
    url: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(answer.svg)}`,
    width: answer.width ?? 300,
    height: answer.height ?? 150,
  });
}

/** Draws one diagram; rejects when the source is no diagram or takes too long. */
export async function drawDiagram(source: string, theme: "default" | "dark"): Promise<Picture> {
  frame ??= openFrame();
  const inner = await frame;
  nextId += 1;
  const id = String(nextId);
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      settle({ id, failure: "too slow" });
    }, DRAW_WITHIN_MS);
    waiting.set(id, { resolve, reject, timer });
    const { fontFamily } = getComputedStyle(document.body);
    inner.postMessage({ id, source, theme, fontFamily }, "*");
  });
}
