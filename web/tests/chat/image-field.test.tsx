import { type Signal, signal } from "@preact/signals";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { type Images, useImages } from "../../src/chat/ImageField";

const page = document.createElement("div");
const SENT = "data:image/png;base64,AAAA";
let images: Images;

function Field({ urls }: { urls: Signal<readonly string[]> }) {
  images = useImages("c", urls.value, (next) => {
    urls.value = next;
  });
  return null;
}

afterEach(() => act(() => render(null, page)));

test("an image that is made ready while the others are sent comes without them", async () => {
  const waiting: (() => void)[] = [];
  vi.stubGlobal("createImageBitmap", async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { width: 10, height: 10, close: () => undefined };
  });
  const urls = signal<readonly string[]>([SENT]);
  act(() => render(<Field urls={urls} />, page));
  images.add([new File(["new"], "new.png", { type: "image/png" })]);
  await vi.waitUntil(() => waiting.length === 2);
  act(() => {
    urls.value = [];
  });
  for (const go of waiting) go();
  await vi.waitUntil(() => {
    waiting.at(-1)?.();
    return urls.value.length > 0;
  });

  expect(urls.value).toEqual([`data:image/png;base64,${btoa("new")}`]);
});
