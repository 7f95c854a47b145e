/** Reading the numbers that people type. Writing them: formats.ts. */

/** The number that `text` is, with a comma or a point; null when it is empty, undefined when it cannot be taken. */
export function numberIn(text: string, least: number, most: number, step: number): number | null | undefined {
  const plain = text.trim().replace(",", ".");
  if (plain === "") return null;
  if (!/^\d+(\.\d*)?$/.test(plain)) return undefined;
  const number = Number(plain);
  const isWhole = Number.isInteger(number) || step < 1;
  return isWhole && number >= least && number <= most ? number : undefined;
}
