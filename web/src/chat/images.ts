/** Images on their way into a message: which are taken, and made as small as the largest request needs. */

export const IMAGE_TYPES: readonly string[] = ["image/png", "image/jpeg", "image/webp", "image/gif"];
export const MOST_IMAGES = 8; // docs/api.md, Send

/** Characters of all images of a message; with this the request stays below the server's 1 MiB, and text has room. */
export const BUDGET_CHARS = 800_000;
/** Characters of text that go with images. */
export const TEXT_CHARS = 90_000;

/** Models see no more than this of a side; what is above is only larger. */
const LONGEST_SIDE_PX = 2048;
const SMALLER = 0.75; // each further try
const QUALITIES = [0.85, 0.7, 0.5];
const SMALLEST_SIDE_PX = 64;

/** Images that were chosen, the small ones as they are. The large ones share the rest of `budget` evenly. */
export function sharesOf(sizes: readonly number[], budget: number): number[] {
  const shares = sizes.map(() => 0);
  let left = budget;
  const bySize = sizes.map((_size, place) => place).sort((one, other) => (sizes[one] ?? 0) - (sizes[other] ?? 0));
  for (const [done, place] of bySize.entries()) {
    const even = Math.floor(left / (bySize.length - done));
    const size = sizes[place] ?? 0;
    shares[place] = size <= even ? size : even;
    left -= shares[place] ?? 0;
  }
  return shares;
}

/** The length of the data: URL of `bytes` bytes. */
export function urlLength(bytes: number, type: string): number {
  return `data:${type};base64,`.length + 4 * Math.ceil(bytes / 3);
}

/** What to try to get an image of these sides below its share, in order: sides in pixels, and a quality. */
export function* attempts(
  width: number,
  height: number,
): Generator<{ width: number; height: number; quality: number }> {
  let scale = Math.min(1, LONGEST_SIDE_PX / Math.max(width, height));
  for (;;) {
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
    for (const quality of QUALITIES) yield { ...size, quality };
    if (Math.max(size.width, size.height) <= SMALLEST_SIDE_PX) return;
    scale *= SMALLER;
  }
}

/** An image that no browser can read. */
export class NoImage extends Error {}

/** `files` as data: URLs that together stay in the budget, in their order. Raises: NoImage. */
export async function fitted(files: readonly Blob[]): Promise<string[]> {
  const shares = sharesOf(
    files.map((file) => urlLength(file.size, file.type)),
    BUDGET_CHARS,
  );
  return Promise.all(files.map((file, place) => fittedOne(file, shares[place] ?? 0)));
}

async function fittedOne(file: Blob, share: number): Promise<string> {
  const picture = await decoded(file);
  try {
    const isLarge = Math.max(picture.width, picture.height) > LONGEST_SIDE_PX && file.type !== "image/gif";
    if (urlLength(file.size, file.type) <= share && !isLarge) return await dataUrl(file);
    for (const attempt of attempts(picture.width, picture.height)) {
      const blob = await drawn(picture, attempt.width, attempt.height, attempt.quality);
      if (urlLength(blob.size, blob.type) <= share) return await dataUrl(blob);
    }
    throw new NoImage("It does not get small enough.");
  } finally {
    picture.close();
  }
}

async function decoded(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new NoImage("It cannot be read.");
  }
}

/** As WebP, or as JPEG in browsers that write none. */
async function drawn(picture: ImageBitmap, width: number, height: number, quality: number): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) throw new NoImage("The browser does not draw.");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  const webp = await encoded(canvas, "image/webp", quality);
  if (webp?.type === "image/webp") return webp;
  // JPEG knows no transparency: white shows through, as on paper.
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  const jpeg = await encoded(canvas, "image/jpeg", quality);
  if (jpeg === null) throw new NoImage("The browser does not encode it.");
  return jpeg;
}

function encoded(canvas: HTMLCanvasElement, type: string, quality: number): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new NoImage("It cannot be read."));
    reader.readAsDataURL(blob);
  });
}

/** The image files of a paste, a drop or a choice; `others` is how many files are none that is taken. */
export function imageFilesIn(files: Iterable<File>): { images: File[]; others: number } {
  const all = [...files];
  const images = all.filter((file) => IMAGE_TYPES.includes(file.type));
  return { images, others: all.length - images.length };
}

/** The bytes of a data: URL that was made here. */
export function blobOf(url: string): Blob {
  const [head = "", data = ""] = url.split(",", 2);
  const type = /^data:([^;]*)/.exec(head)?.[1] ?? "";
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type });
}
