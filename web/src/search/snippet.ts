/** What a search found, as text with its hits marked (docs/api.md, Search). */

export interface Piece {
  text: string;
  isHit: boolean;
}

const MARK_START = "\ue000";
const MARK_END = "\ue001";

/** The pieces of `snippet` in order; a mark without its counterpart marks nothing. */
export function piecesOf(snippet: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [index, part] of snippet.split(MARK_START).entries()) {
    const end = index === 0 ? -1 : part.indexOf(MARK_END);
    if (end > 0) pieces.push({ text: part.slice(0, end), isHit: true });
    const rest = part.slice(end + 1).replaceAll(MARK_END, "");
    if (rest !== "") pieces.push({ text: rest, isHit: false });
  }
  return pieces;
}
