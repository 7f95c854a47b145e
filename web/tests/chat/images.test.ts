import { describe, expect, it } from "vitest";
import { attempts, blobOf, imageFilesIn, sharesOf, urlLength } from "../../src/chat/images";

describe("the shares of images", () => {
  it("are their sizes when all fit", () => {
    expect(sharesOf([100, 300], 1000)).toEqual([100, 300]);
  });

  it("leave what small ones do not need to the large ones", () => {
    expect(sharesOf([5000, 100, 5000], 1000)).toEqual([450, 100, 450]);
  });

  it("never add up to more than there is", () => {
    const shares = sharesOf([900, 700, 800, 650, 10], 1000);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(1000);
  });

  it("of none are none", () => {
    expect(sharesOf([], 1000)).toEqual([]);
  });
});

describe("the tries to make an image smaller", () => {
  it("begin with no side longer than models see, and keep the proportion", () => {
    const [first] = attempts(8192, 4096);
    expect(first).toEqual({ width: 2048, height: 1024, quality: 0.85 });
  });

  it("enlarge nothing", () => {
    const [first] = attempts(300, 200);
    expect(first).toMatchObject({ width: 300, height: 200 });
  });

  it("end, and never have an empty side", () => {
    const all = [...attempts(30_000, 10)];
    expect(all.length).toBeLessThan(60);
    expect(Math.min(...all.map(({ height }) => height))).toBe(1);
  });
});

it("the length of a data: URL is known before it is made", () => {
  const url = `data:image/png;base64,${btoa("\0".repeat(100))}`;
  expect(urlLength(100, "image/png")).toBe(url.length);
  expect(blobOf(url)).toMatchObject({ size: 100, type: "image/png" });
});

it("files that are no images are counted, not taken", () => {
  const files = [new File([""], "a.png", { type: "image/png" }), new File([""], "a.svg", { type: "image/svg+xml" })];
  const { images, others } = imageFilesIn(files);
  expect(images.map(({ name }) => name)).toEqual(["a.png"]);
  expect(others).toBe(1);
});
