/** Text made harmless in HTML, in elements and in quoted attributes. */

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const BARE = /[<>"']|&(?!#\d{1,7};|#x[\da-f]{1,6};|[a-z][a-z\d]*;)/gi;

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? "");
}

/** The same, but a character reference of the text's own is kept: in Markdown `&amp;` is an ampersand. */
export function escapeBare(text: string): string {
  return text.replace(BARE, (found) => ENTITIES[found] ?? "");
}
