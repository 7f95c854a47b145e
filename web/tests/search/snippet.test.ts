import { expect, test } from "vitest";
import { piecesOf } from "../../src/search/snippet";

const said = (snippet: string) => piecesOf(snippet).map(({ text, isHit }) => (isHit ? `[${text}]` : text));

test("hits stand between the marks", () => {
  expect(said("the \ue000moon\ue001 is \ue000rock\ue001")).toEqual(["the ", "[moon]", " is ", "[rock]"]);
  expect(said("\ue000moon\ue001")).toEqual(["[moon]"]);
});

test("a snippet without hits is plain, and an empty one nothing", () => {
  expect(said("<b>moon</b>")).toEqual(["<b>moon</b>"]);
  expect(said("")).toEqual([]);
});

test("a mark without its counterpart marks nothing, and is not shown", () => {
  expect(said("a\ue001b \ue000moon").join("")).toBe("ab moon");
});
