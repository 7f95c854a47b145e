import { expect, it } from "vitest";
import { Following, isNearEnd } from "../../src/chat/following";

const at = (offset: number, size = 1000, viewport = 200) => ({ offset, size, viewport });

function scrolled(...places: ReturnType<typeof at>[]): Following {
  const following = new Following();
  for (const place of places) following.onScroll(place);
  return following;
}

it("a reader who scrolls up leaves the end", () => {
  expect(scrolled(at(800), at(790)).isOn).toBe(false);
});

it("a reader who comes down to the end follows it again", () => {
  expect(scrolled(at(800), at(400), at(780)).isOn).toBe(true);
});

it("a reader who comes down but not to the end does not", () => {
  expect(scrolled(at(800), at(400), at(600)).isOn).toBe(false);
});

it("less to show, or a larger view, moves nobody away from the end", () => {
  expect(scrolled(at(800), at(700, 900)).isOn).toBe(true);
  expect(scrolled(at(800), at(700, 1000, 300)).isOn).toBe(true);
});

it("the first turn of the wheel upwards is enough, also near the end", () => {
  const following = scrolled(at(800));
  following.onPull(at(800));
  following.onScroll(at(795));
  expect(following.isOn).toBe(false);
});

it("a wheel where there is nothing to scroll changes nothing", () => {
  const following = new Following();
  following.onPull(at(0, 100));
  expect(following.isOn).toBe(true);
});

it("near the end is within a line or two of it", () => {
  expect(isNearEnd(at(760))).toBe(true);
  expect(isNearEnd(at(700))).toBe(false);
});
