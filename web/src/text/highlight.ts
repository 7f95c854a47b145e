/** The colours of code, by highlight.js, which is loaded when there is code to colour. */

type Library = typeof import("./highlight-library");

const MOST = 200_000; // characters; more would hold the page up for a moment

let loading: Promise<Library> | null = null;

/** What highlight.js makes of the code; null for a language that is not known, or if the library cannot be had now. */
export async function highlighted(code: string, language: string): Promise<string | null> {
  if (language === "" || code.length > MOST) return null;
  loading ??= import("./highlight-library");
  try {
    return await (await loading).highlight(code, language);
  } catch {
    loading = null;
    return null;
  }
}
