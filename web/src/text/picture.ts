/** A picture in a reply. One from another host is asked for only by a click: its address would tell who reads. */

import { t } from "../i18n/i18n";

const INLINE = /^data:image\/(?:png|jpeg|webp|gif);base64,[\da-z+/=\s]+$/i;

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
    if (INLINE.test(address)) return this.#image(address);
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
    const image = this.#image(url.href);
    image.addEventListener("load", () => {
      image.tabIndex = -1;
      const hasFocus = document.activeElement === button || document.activeElement === document.body;
      this.host.replaceChildren(image);
      if (hasFocus) image.focus({ preventScroll: true });
    });
    image.addEventListener("error", () => {
      button.disabled = false;
      outcome.textContent = t.peek().imageFailed;
    });
  }

  #image(address: string): HTMLImageElement {
    const image = document.createElement("img");
    image.referrerPolicy = "no-referrer";
    image.decoding = "async";
    image.alt = this.#description;
    image.src = address;
    return image;
  }
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
