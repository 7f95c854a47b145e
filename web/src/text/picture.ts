/** A picture in a reply. One from another host is asked for only by a click: its address would tell who reads. The
    page's policy lets no such picture in at all; it is shown in a frame whose own policy lets in nothing else. */

import { t } from "../i18n/i18n";

const INLINE = /^data:image\/(?:png|jpeg|webp|gif);base64,[\da-z+/=\s]+$/i;
const FRAME = `${import.meta.env.BASE_URL}remote-image.html`;
const NO_SIZE = { width: 300, height: 150 }; // of a drawing that has none: CSS 2.1, 10.3.2

export class PictureView {
  #address: string | null = null;
  #description = "";

  constructor(private readonly host: HTMLElement) {}

  become(wanted: Element): void {
    const address = wanted.getAttribute("address") ?? "";
    const description = wanted.getAttribute("alt") ?? "";
    if (address === this.#address && description === this.#description) return;
    this.#address = address;
    this.#description = description;
    this.host.replaceChildren(this.#content(address));
  }

  #content(address: string): Node {
    if (INLINE.test(address)) return inlineImage(address, this.#description);
    const url = remoteAddress(address);
    if (!url) return caption(this.#description || t.peek().imageNotShown);
    return this.#offer(url);
  }

  #offer(url: URL): Node {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = t.peek().loadImage(url.host);
    const outcome = document.createElement("span");
    outcome.setAttribute("role", "status");
    button.addEventListener("click", () => this.#load(url, button, outcome));
    const content = document.createDocumentFragment();
    content.append(button, caption(this.#description), outcome);
    return content;
  }

  #load(url: URL, button: HTMLButtonElement, outcome: HTMLElement): void {
    button.disabled = true;
    outcome.textContent = t.peek().imageLoading;
    const frame = frameFor(this.#description);
    const fail = () => {
      frame.remove();
      button.disabled = false;
      outcome.textContent = t.peek().imageFailed;
    };
    frame.addEventListener("load", () => {
      const image = frame.contentDocument && imageIn(frame.contentDocument, url.href, this.#description);
      image?.addEventListener("load", () => this.#show(frame, image));
      image?.addEventListener("error", fail);
      if (!image) fail();
    });
    this.host.append(frame);
  }

  #show(frame: HTMLIFrameElement, image: HTMLImageElement): void {
    const hadFocus = this.host.contains(document.activeElement) || document.activeElement === document.body;
    const width = image.naturalWidth || NO_SIZE.width;
    const height = image.naturalHeight || NO_SIZE.height;
    frame.style.width = `${width}px`;
    frame.style.aspectRatio = `${width} / ${height}`;
    // Why: a frame that is moved loads its document anew, so all around it is taken away.
    for (const other of [...this.host.childNodes]) if (other !== frame) other.remove();
    frame.hidden = false;
    this.host.tabIndex = -1;
    if (hadFocus) this.host.focus({ preventScroll: true });
  }
}

function frameFor(description: string): HTMLIFrameElement {
  const frame = document.createElement("iframe");
  frame.title = description || t.peek().image;
  frame.setAttribute("sandbox", "allow-same-origin"); // no scripts; the page itself puts the image in
  frame.referrerPolicy = "no-referrer";
  frame.hidden = true;
  frame.src = FRAME;
  return frame;
}

function imageIn(place: Document, address: string, description: string): HTMLImageElement {
  const image = place.createElement("img");
  image.referrerPolicy = "no-referrer";
  image.alt = description;
  Object.assign(image.style, { display: "block", width: "100%", height: "100%", objectFit: "contain" });
  Object.assign(place.documentElement.style, { height: "100%", colorScheme: "normal" });
  Object.assign(place.body.style, { margin: "0", height: "100%" });
  image.src = address;
  place.body.replaceChildren(image);
  return image;
}

function inlineImage(address: string, description: string): HTMLImageElement {
  const image = document.createElement("img");
  image.decoding = "async";
  image.alt = description;
  image.src = address;
  return image;
}

function remoteAddress(address: string): URL | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url && /^https?:$/.test(url.protocol) ? url : null;
}

function caption(text: string): Node {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}
