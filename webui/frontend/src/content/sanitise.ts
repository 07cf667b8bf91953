/** The last gate before the page: HTML text in, a fragment of allowed elements out. */
import DOMPurify from "dompurify";

const ALLOWED_TAGS = [
  ..."a blockquote br code del div em h3 h4 h5 h6 hr li ol p pre s span strong".split(" "),
  ..."table tbody td th thead tr ul".split(" "),
];
const ALLOWED_ATTR = ["class", "data-align", "data-language", "href", "rel", "start", "target"];

/** Turns HTML made from Markdown into nodes, dropping whatever is not on the list. */
export function sanitise(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
