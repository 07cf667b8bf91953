/**
 * Markdown to HTML text: raw HTML off, no inline styles, no remote images.
 *
 * The result is not yet trusted: `sanitise.ts` decides what reaches the page. Images of other
 * hosts become links, because loading one tells its host that the answer was read.
 */
import createParser from "markdown-it";
import type { Env, MarkdownIt, RendererRule, Token } from "markdown-it";
import { mathRules } from "./math-rules";

/** Shared by the blocks of one message, so that link references reach across blocks. */
export type MarkdownEnv = Env;

function setLinkTarget(token: Token): void {
  token.attrSet("target", "_blank");
  token.attrSet("rel", "noopener noreferrer nofollow");
}

/** The page has its own headings above: those of an answer start two levels lower. */
function lowerHeading(token: Token): void {
  const level = Number(token.tag.slice(1));
  token.tag = `h${String(Math.min(6, level + 2))}`;
}

function alignByAttribute(token: Token): void {
  const align = /text-align:(\w+)/.exec(String(token.attrGet("style") ?? ""))?.[1];
  token.attrs = align === undefined ? null : [["data-align", align]];
}

function build(): MarkdownIt {
  const md = createParser({ html: false, linkify: true, breaks: false, typographer: false });
  mathRules(md);
  const { rules } = md.renderer;
  const changed =
    (change: (token: Token) => void): RendererRule =>
    (tokens, index, options, _env, self) => {
      const token = tokens[index];
      if (token !== undefined) change(token);
      return self.renderToken(tokens, index, options);
    };
  rules["link_open"] = changed(setLinkTarget);
  rules["heading_open"] = changed(lowerHeading);
  rules["heading_close"] = changed(lowerHeading);
  rules["th_open"] = changed(alignByAttribute);
  rules["td_open"] = changed(alignByAttribute);
  rules["table_open"] = () => '<div class="table-scroll"><table>';
  rules["table_close"] = () => "</table></div>";
  rules["fence"] = (tokens, index) => codeBlock(md, tokens[index]);
  rules["code_block"] = (tokens, index) => codeBlock(md, tokens[index]);
  rules["image"] = (tokens, index) => {
    const token = tokens[index];
    const source = md.utils.escapeHtml(String(token?.attrGet("src") ?? ""));
    const label = md.utils.escapeHtml(token?.content ?? "");
    return `<a href="${source}" target="_blank" rel="noopener noreferrer nofollow">${label || source}</a>`;
  };
  md.core.ruler.push("task_list", (state) => {
    for (const token of state.tokens) {
      const first = token.children?.[0];
      if (token.type !== "inline" || first?.type !== "text") continue;
      first.content = first.content.replace(/^\[( |x|X)\] /, (_, mark: string) =>
        mark === " " ? "\u2610 " : "\u2611 ",
      );
    }
  });
  return md;
}

function codeBlock(md: MarkdownIt, token: Token | undefined): string {
  const language = /^[\w#+.-]+/.exec(token?.info.trim() ?? "")?.[0]?.toLowerCase() ?? "";
  const body = md.utils.escapeHtml(token?.content ?? "");
  return `<pre data-language="${md.utils.escapeHtml(language)}"><code>${body}</code></pre>\n`;
}

const markdown = build();

/** The HTML of one block of Markdown. */
export function markdownToHtml(text: string, env: MarkdownEnv = {}): string {
  return markdown.render(text, env);
}

/** Reads the link references of a whole text into `env`, when it has any. */
export function collectReferences(text: string, env: MarkdownEnv): void {
  if (/^ {0,3}\[[^\]]+\]:/m.test(text)) markdown.parse(text, env);
}
