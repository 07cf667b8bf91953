/** A search snippet, whose hits stand between `<<` and `>>`, as parts to render. */

export interface SnippetPart {
  text: string;
  hit: boolean;
}

export function snippetParts(match: string): SnippetPart[] {
  const parts: SnippetPart[] = [];
  let rest = match;
  while (rest !== "") {
    const start = rest.indexOf("<<");
    const end = start < 0 ? -1 : rest.indexOf(">>", start + 2);
    if (end < 0) break;
    if (start > 0) parts.push({ text: rest.slice(0, start), hit: false });
    parts.push({ text: rest.slice(start + 2, end), hit: true });
    rest = rest.slice(end + 2);
  }
  if (rest !== "") parts.push({ text: rest, hit: false });
  return parts;
}
