/**
 * The accent of the interface, made from an organisation's brand colour.
 *
 * Accents are written as text and stand below text. So a colour is darkened (or lightened, where the
 * ground is dark) until both can be read: WCAG 2.2, 1.4.3, at least 4.5 to 1.
 */
export const LEAST_CONTRAST = 4.5;

/** What a theme lays below accents: cards, and the hardest of all to read on. */
export interface Grounds {
  surface: string;
  hardest: string;
}

export const ACCENTS = ["--accent", "--accent-hover", "--accent-soft", "--on-accent"] as const;

export type AccentTokens = Record<(typeof ACCENTS)[number], string>;

const WHITE = "#ffffff";
const BLACK = "#000000";
/** Of red, green and blue in what the eye calls bright. */
const WEIGHTS = [0.2126, 0.7152, 0.0722];
const STEPS = 50;
const HOVER_SHARE = 0.2;
const SOFT_SHARE = 0.12;

/** The accent tokens for `colour`; each argument is `#rgb` or `#rrggbb`. */
export function accentTokens(colour: string, { surface, hardest }: Grounds): AccentTokens {
  const pole = readableOn(surface);
  const soft = (accent: string): string => mix(surface, accent, SOFT_SHARE);
  let accent = colour;
  for (let step = 1; step <= STEPS; step += 1) {
    const least = Math.min(contrast(accent, hardest), contrast(accent, soft(accent)));
    if (least >= LEAST_CONTRAST) break;
    accent = mix(colour, pole, step / STEPS);
  }
  return {
    "--accent": accent,
    "--accent-hover": mix(accent, pole, HOVER_SHARE),
    "--accent-soft": soft(accent),
    "--on-accent": readableOn(accent),
  };
}

/** Black or white, whichever is read more easily on `ground`; one of them always gives 4.5 to 1. */
export function readableOn(ground: string): string {
  return contrast(ground, WHITE) >= contrast(ground, BLACK) ? WHITE : BLACK;
}

/** From 1 to 21. Source: WCAG 2.2, contrast ratio. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Relative luminance, from 0 to 1. Source: WCAG 2.2. */
function luminance(colour: string): number {
  return channels(colour).reduce((sum, channel, at) => {
    const share = channel / 255;
    const linear = share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    return sum + linear * (WEIGHTS[at] ?? 0);
  }, 0);
}

/** `share` of `to` in `from`, from 0 to 1. */
function mix(from: string, to: string, share: number): string {
  const target = channels(to);
  const mixed = channels(from).map((channel, at) =>
    Math.round(channel + ((target[at] ?? 0) - channel) * share),
  );
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

function channels(colour: string): number[] {
  const digits = colour.slice(1);
  const six = digits.length === 3 ? digits.replace(/./g, "$&$&") : digits;
  return [0, 2, 4].map((at) => parseInt(six.slice(at, at + 2), 16));
}
