/** The rendering of replies alone on a page, for tests in a real browser: they call `show` and look at what there is. */

import { signal } from "@preact/signals";
import { render } from "preact";
import { Markdown } from "../../../src/text/Markdown";
import { sanitised } from "../../../src/text/sanitise";
import { ReplyView } from "../../../src/text/view";
import "../../../src/theme/tokens.css";
import "../../../src/theme/base.css";
import "./harness.css";

interface Harness {
  /** What the page's policy refused, as `directive: what`. */
  violations: string[];
  /** Show the text; resolves when it stands in the document. */
  show(source: string, isLive: boolean): Promise<void>;
  /** A reply of its own, to which every cut of a text can be given at once. */
  fresh(): ReplyView;
  /** Stream at so many characters a second, as a network does; resolves when all is there. */
  pace(source: string, charactersPerSecond: number): Promise<void>;
  /** Show HTML that nothing but the sanitiser has seen. */
  showHtml(html: string): void;
  /** Take everything away. */
  clear(): void;
}

declare global {
  interface Window {
    harness: Harness;
  }
}

const reply = signal<{ source: string; isLive: boolean; number: number }>({ source: "", isLive: false, number: 0 });
const violations: string[] = [];

document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
});

function Page() {
  const { source, isLive, number } = reply.value;
  return <Markdown key={number} source={source} isLive={isLive} />;
}

const nextFrame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()));

async function show(source: string, isLive: boolean): Promise<void> {
  reply.value = { ...reply.value, source, isLive };
  await nextFrame();
}

function fresh(): ReplyView {
  const root = document.createElement("div");
  root.className = "markdown";
  document.getElementById("fresh")?.replaceChildren(root);
  return new ReplyView(root);
}

async function pace(source: string, charactersPerSecond: number): Promise<void> {
  const begun = performance.now();
  for (let end = 0; end < source.length; ) {
    await nextFrame();
    end = Math.round(((performance.now() - begun) / 1000) * charactersPerSecond);
    reply.value = { ...reply.value, source: source.slice(0, end), isLive: true };
  }
  await show(source, false);
}

function showHtml(html: string): void {
  fresh();
  document.querySelector("#fresh > .markdown")?.append(sanitised(html));
}

function clear(): void {
  reply.value = { source: "", isLive: false, number: reply.value.number + 1 };
  document.getElementById("fresh")?.replaceChildren();
}

window.harness = { violations, show, fresh, pace, showHtml, clear };
render(<Page />, document.getElementById("page") as HTMLElement);
