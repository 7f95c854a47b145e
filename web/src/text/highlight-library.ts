/** highlight.js with the languages most often written: a chunk of its own, loaded with the first code block. */

import hljs from "highlight.js/lib/common";

let more: Promise<void> | null = null;

/** The code as HTML; null if its language is not known, also not to the languages that are loaded then. */
export async function highlight(code: string, language: string): Promise<string | null> {
  if (!hljs.getLanguage(language)) {
    more ??= import("./highlight-more").then(({ languages }) => {
      for (const [name, definition] of Object.entries(languages)) hljs.registerLanguage(name, definition);
    });
    await more;
  }
  if (!hljs.getLanguage(language)) return null;
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
