import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { lazy } from "../../src/ui/Lazy";
import { untilHolds } from "../until";

const page = document.createElement("div");
document.body.append(page);

afterEach(() => render(null, page));

function Hello({ name }: { name: string }) {
  return <p>Hello {name}</p>;
}

test("a part is shown when its code is there, and at once the next time", async () => {
  const load = vi.fn(async () => Hello);
  const Part = lazy(load);
  expect(load).not.toHaveBeenCalled();
  render(<Part name="Ann" />, page);
  await untilHolds(() => expect(page.textContent).toBe("Hello Ann"));
  render(null, page);
  render(<Part name="Ben" />, page);
  expect(page.textContent).toBe("Hello Ben");
  expect(load).toHaveBeenCalledOnce();
});

test("a part that could not be loaded says so, and is loaded again when asked", async () => {
  const load = vi.fn(async () => Hello).mockRejectedValueOnce(new TypeError("no network"));
  const Part = lazy(load);
  render(<Part name="Ann" />, page);
  await untilHolds(() => expect(page.textContent).toContain("could not be loaded"));
  page.querySelector("button")?.click();
  await untilHolds(() => expect(page.textContent).toBe("Hello Ann"));
});
