/**
 * What a finished block gets beyond its HTML: code heads with copy buttons, colours, formulas,
 * diagrams and scrollable tables. Heavy parts are imported when the first block needs them.
 */
import { msg, str } from "@lit/localize";
import { copyText } from "../ui/clipboard";

/** Gives every code block its head: language and copy button. */
export function sealCode(block: HTMLElement): void {
  for (const pre of block.querySelectorAll<HTMLElement>("pre[data-language]")) {
    const language = pre.dataset["language"] ?? "";
    const figure = document.createElement("div");
    figure.className = "code-block";
    const head = document.createElement("div");
    head.className = "code-block__head";
    const name = document.createElement("span");
    name.textContent = language === "" ? msg("text") : language;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "button button--quiet button--small";
    copy.textContent = msg("Copy code");
    copy.addEventListener("click", () => {
      void copyText(pre.textContent).then((done) => {
        copy.textContent = done ? msg("Copied") : msg("Copying failed");
        setTimeout(() => {
          copy.textContent = msg("Copy code");
        }, 2000);
      });
    });
    head.append(name, copy);
    pre.replaceWith(figure);
    // Long lines scroll inside the block, so the block must be reachable by keyboard.
    pre.tabIndex = 0;
    pre.setAttribute("role", "region");
    pre.setAttribute("aria-label", language === "" ? msg("Code") : msg(str`Code, ${language}`));
    figure.append(head, pre);
  }
}

/** Colours, typesets and draws what the block contains, each as soon as its part is loaded. */
export function enhance(block: HTMLElement): void {
  for (const table of block.querySelectorAll<HTMLElement>(".table-scroll")) {
    table.tabIndex = 0;
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", msg("Table"));
  }
  const codes = [...block.querySelectorAll<HTMLElement>("pre[data-language]")];
  const diagrams = codes.filter((pre) => pre.dataset["language"] === "mermaid");
  const coloured = codes.filter((pre) => !["", "mermaid"].includes(pre.dataset["language"] ?? ""));
  if (coloured.length > 0) void colour(coloured);
  if (diagrams.length > 0) void draw(diagrams);
  const formulas = [...block.querySelectorAll<HTMLElement>("code.math")];
  if (formulas.length > 0) void typesetAll(formulas);
}

async function colour(blocks: readonly HTMLElement[]): Promise<void> {
  const { highlight } = await import("./highlight");
  for (const pre of blocks) {
    const code = pre.querySelector("code");
    if (code !== null) highlight(code, pre.dataset["language"] ?? "");
  }
}

async function typesetAll(places: readonly HTMLElement[]): Promise<void> {
  const { typeset } = await import("./math");
  for (const place of places) typeset(place);
}

async function draw(sources: readonly HTMLElement[]): Promise<void> {
  const { drawDiagram } = await import("./diagram");
  const theme = document.documentElement.dataset["theme"] === "light" ? "default" : "dark";
  for (const pre of sources) {
    try {
      const picture = await drawDiagram(pre.textContent, theme);
      showPicture(pre, picture);
    } catch {
      // The source itself stays readable: say why it is not a picture.
      const note = document.createElement("p");
      note.className = "code-block__note";
      note.textContent = msg("This diagram could not be drawn, so its source is shown.");
      pre.before(note);
    }
  }
}

function showPicture(pre: HTMLElement, picture: { url: string; width: number; height: number }): void {
  const image = document.createElement("img");
  image.src = picture.url;
  image.width = Math.ceil(picture.width);
  image.height = Math.ceil(picture.height);
  image.alt = msg("Diagram; its source follows.");
  const frame = document.createElement("div");
  frame.className = "diagram";
  frame.append(image);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = msg("Source of the diagram");
  details.className = "diagram__source";
  pre.before(frame, details);
  details.append(summary, pre);
}
