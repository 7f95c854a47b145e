/** How the lines of the providers are told apart: by colour, by dashes and by the form of their points. */

export interface Look {
  /** The name of a token of theme/tokens.css. */
  colour: string;
  /** Lengths of strokes and gaps, in pixels; empty is a solid line. */
  dash: number[];
  /** The path of a point in a square from -1 to 1. */
  marker: string;
}

const COLOURS = ["--accent", "--hl-title", "--hl-number", "--hl-keyword", "--hl-attr", "--hl-string"];
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const MARKERS = [
  "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z",
  "M-.9 -.9H.9V.9H-.9Z",
  "M0 -1.1L1.1 .9H-1.1Z",
  "M0 -1.2L1.2 0L0 1.2L-1.2 0Z",
  "M0 1.1L-1.1 -.9H1.1Z",
];

/** Of the provider at that place. No two of the first 60 are alike. */
export function lookOf(place: number): Look {
  return {
    colour: COLOURS[place % COLOURS.length] ?? "--accent",
    dash: DASHES[place % DASHES.length] ?? [],
    marker: MARKERS[place % MARKERS.length] ?? "",
  };
}
