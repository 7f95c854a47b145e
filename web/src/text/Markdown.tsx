/** A reply as it is written: Markdown, made safe, and made anew only where it changes. */

import { useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { language } from "../i18n/i18n";
import "./markdown.css";
import { ReplyView } from "./view";

interface Props {
  source: string;
  /** More of it is being written. */
  isLive: boolean;
}

/** Between two updates while more is written; each costs a layout, and faster than this nobody reads. */
const UPDATE_EVERY_MS = 32;
/** Updates take at most one part in so many of the time, so that a block that is long cannot stall the page. */
const REST_FACTOR = 15;

export function Markdown(props: Props) {
  return <Reply key={language.value} {...props} />;
}

function Reply({ source, isLive }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<ReplyView | null>(null);
  const restsUntil = useRef(0);
  const [rests, goOn] = useReducer((count: number) => count + 1, 0);

  useLayoutEffect(() => {
    if (!root.current) return;
    const begun = performance.now();
    if (isLive && begun < restsUntil.current) {
      const timer = setTimeout(() => goOn(undefined), restsUntil.current - begun);
      return () => clearTimeout(timer);
    }
    view.current ??= new ReplyView(root.current);
    view.current.update(source, isLive);
    const ended = performance.now();
    restsUntil.current = Math.max(begun + UPDATE_EVERY_MS, ended + (ended - begun) * REST_FACTOR);
    return;
  }, [source, isLive, rests]);
  return <div class="markdown" ref={root} />;
}
