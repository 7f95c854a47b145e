/** Workaround: DOMPurify reads an element's name by the getter of Node.prototype, which in happy-dom 20 gives nothing for
    elements, so that it would let none through. Import this before what imports DOMPurify. */

Object.defineProperty(Node.prototype, "nodeName", {
  configurable: true,
  get(this: Node): string {
    if (this instanceof Element) return this.tagName;
    return this instanceof Text ? "#text" : "#other";
  },
});
