/**
 * The order of headings in an answer.
 *
 * Models begin with any level they like; people who hear a page walk it by levels, and a skipped
 * one sounds like something missing. The author of a message is a heading of level two above.
 */
const AUTHOR_LEVEL = 2;
const HEADINGS = "h3, h4, h5, h6";

function levelOf(heading: Element): number {
  return Number(heading.tagName.slice(1));
}

/** Lifts headings of `fragment`, which becomes `block` in `text`, that skip a level. */
export function orderHeadings(fragment: DocumentFragment, text: Element, block: Element): void {
  const headings = fragment.querySelectorAll(HEADINGS);
  if (headings.length === 0) return;
  let last = levelBefore(text, block);
  for (const heading of headings) {
    const level = Math.min(levelOf(heading), last + 1);
    if (level !== levelOf(heading)) {
      const lifted = document.createElement(`h${String(level)}`);
      lifted.append(...heading.childNodes);
      heading.replaceWith(lifted);
    }
    last = level;
  }
}

function levelBefore(text: Element, block: Element): number {
  const before = [...text.querySelectorAll(HEADINGS)].filter(
    (heading) => heading.compareDocumentPosition(block) === Node.DOCUMENT_POSITION_FOLLOWING,
  );
  const last = before.at(-1);
  return last === undefined ? AUTHOR_LEVEL : levelOf(last);
}
