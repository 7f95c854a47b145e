/** Keeps the view of the list at its end, for as long as the reader is there. When he is: following.ts. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Conversation } from "./conversation";
import { Following, isNearEnd } from "./following";

export type ScrollerRef = { current: HTMLDivElement | null };

/** `isNear` says whether the end is seen, `hasNews` whether more was written since it was not. */
export function useEnd(conversation: Conversation, scroller: ScrollerRef, opensAtEnd: boolean) {
  const isNear = useSignal(true);
  const hasNews = useSignal(false);
  const end = useMemo(() => {
    const following = new Following();
    following.isOn = opensAtEnd;
    const now = () => {
      const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scroller.current ?? {};
      return { offset: scrollTop, size: scrollHeight, viewport: clientHeight };
    };
    const stick = () => {
      if (following.isOn && scroller.current !== null) scroller.current.scrollTop = scroller.current.scrollHeight;
    };
    const onScroll = () => {
      following.onScroll(now());
      isNear.value = following.isOn || isNearEnd(now());
      if (isNear.value) hasNews.value = false;
    };
    return {
      isNear,
      hasNews,
      stick,
      onScroll,
      onPull: () => following.onPull(now()),
      leave: () => {
        following.isOn = false;
      },
      follow: () => {
        following.isOn = true;
        stick();
      },
    };
  }, [conversation]);
  useEffect(() => {
    const content = scroller.current?.firstElementChild;
    if (!scroller.current || !content) return;
    const observer = new ResizeObserver(end.stick);
    observer.observe(scroller.current);
    observer.observe(content);
    return () => observer.disconnect();
  }, [end]);
  // Who asks something wants to see the answer.
  const lastAsked = useRef(conversation.asked.peek().at(-1)?.key);
  useSignalEffect(() => {
    const key = conversation.asked.value.at(-1)?.key;
    if (key !== undefined && key !== lastAsked.current) end.follow();
    lastAsked.current = key ?? lastAsked.current;
  });
  useSignalEffect(() => {
    const isWriting = (conversation.live.value?.text.value ?? "") !== "";
    if (isWriting && !isNear.peek()) hasNews.value = true;
  });
  return end;
}
