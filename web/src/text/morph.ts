/** Make a node's children those of another with as few changes as can be: what stays the same stays the same node. */

export interface Kept {
  /** Whether the element's children are its own affair; if so it has been told what it shall show. */
  take(live: Element, wanted: Element): boolean;
}

export function morphChildren(live: Node, wanted: Node, kept: Kept): void {
  let place = live.firstChild;
  for (let next = wanted.firstChild; next; ) {
    const after: ChildNode | null = next.nextSibling;
    if (!place) live.appendChild(next);
    else {
      const following: ChildNode | null = place.nextSibling;
      if (!become(place, next, kept)) live.replaceChild(next, place);
      place = following;
    }
    next = after;
  }
  while (place) {
    const following: ChildNode | null = place.nextSibling;
    live.removeChild(place);
    place = following;
  }
}

function become(live: Node, wanted: Node, kept: Kept): boolean {
  if (live instanceof Text && wanted instanceof Text) {
    setText(live, wanted.data);
    return true;
  }
  if (!(live instanceof Element && wanted instanceof Element) || live.localName !== wanted.localName) return false;
  if (kept.take(live, wanted)) return true;
  setAttributes(live, wanted);
  morphChildren(live, wanted, kept);
  return true;
}

/** Append where text has only grown: a selection in it stays. */
export function setText(live: Text, data: string): void {
  if (live.data === data) return;
  if (data.startsWith(live.data)) live.appendData(data.slice(live.data.length));
  else live.data = data;
}

/** In the same order too, so that what was streamed cannot be told from what came whole. */
function setAttributes(live: Element, wanted: Element): void {
  const names = wanted.getAttributeNames();
  const isSame = live.getAttributeNames().join() === names.join();
  for (const name of isSame ? [] : live.getAttributeNames()) {
    if (!isTheReaders(live, name)) live.removeAttribute(name);
  }
  for (const name of names) {
    const value = wanted.getAttribute(name) ?? "";
    if (live.getAttribute(name) !== value && !isTheReaders(live, name)) live.setAttribute(name, value);
  }
}

/** Whoever reads has opened or closed it. */
function isTheReaders(element: Element, attribute: string): boolean {
  return element.localName === "details" && attribute === "open";
}
