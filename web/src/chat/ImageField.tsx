/** Images for a message that is typed: chosen, pasted or dropped. */

import { ImagePlus } from "lucide-preact";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { defaultModel, modelOf, models } from "../providers/models";
import { optionsOf } from "../providers/options";
import { IconButton } from "../ui/Button";
import { say } from "../ui/toasts";
import { blobOf, fitted, IMAGE_TYPES, imageFilesIn, MOST_IMAGES, NoImage, TEXT_CHARS } from "./images";
import type { Question } from "./live-reply";

export interface Images {
  /** For the element on which images may be dropped and pasted. */
  listeners: Pick<JSX.HTMLAttributes<HTMLFormElement>, "onPaste" | "onDrop" | "onDragOver" | "onDragLeave">;
  isDragged: boolean;
  add: (files: Iterable<File>) => void;
  remove: (place: number) => void;
  /** Whether a question may be sent as it is; tells why not. */
  isAllowed: (question: Question) => boolean;
}

/** `urls` are those that are there; `onChange` is given what they are to be. */
export function useImages(
  chatId: string,
  urls: readonly string[],
  onChange: (urls: readonly string[]) => void,
): Images {
  const [isDragged, setDragged] = useState(false);
  const newest = useRef(urls);
  newest.current = urls;
  void models.value; // read for as long as images may come
  const change = (next: readonly string[]) => {
    newest.current = next;
    onChange(next);
  };
  // Race: two pastes would each begin with what was there before both.
  const adding = useRef(Promise.resolve());
  const add = (files: Iterable<File>) => {
    const all = [...files]; // a paste has them only now
    adding.current = adding.current.then(() => addNow(all)).catch(sayNoImage);
  };
  const addNow = async (files: readonly File[]) => {
    const { images, others } = imageFilesIn(files);
    if (others > 0) say(t.value.imageTypes, { tone: "danger" });
    if (images.length === 0 || !canSee(chatId)) return;
    const room = images.slice(0, MOST_IMAGES - newest.current.length);
    if (room.length < images.length) say(t.value.mostImages(MOST_IMAGES), { tone: "danger" });
    if (room.length === 0) return;
    for (;;) {
      const before = newest.current;
      const all = await fitted([...before.map(blobOf), ...room]);
      // Race: those before may have been removed, or sent, meanwhile.
      if (newest.current === before) return change(all);
    }
  };
  const isAllowed = ({ text, images }: Question) => {
    if (images.length === 0) return true;
    if (JSON.stringify(text).length > TEXT_CHARS) {
      say(t.value.tooMuchText, { tone: "danger" });
      return false;
    }
    return canSee(chatId);
  };
  return {
    isDragged,
    add,
    remove: (place) => change(newest.current.filter((_url, at) => at !== place)),
    isAllowed,
    listeners: {
      onPaste: (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        // Office programs put a picture of the text beside the text: the text is meant.
        if (files.length === 0 || event.clipboardData?.types.includes("text/plain")) return;
        event.preventDefault();
        add(files);
      },
      onDrop: (event) => {
        setDragged(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        add(event.dataTransfer?.files ?? []);
      },
      onDragOver: (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setDragged(true);
      },
      onDragLeave: () => setDragged(false),
    },
  };
}

export function AddImages({ images }: { images: Images }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon={ImagePlus} label={t.value.addImages} onClick={() => input.current?.click()} />
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept={IMAGE_TYPES.join(",")}
        aria-label={t.value.addImages}
        onChange={({ currentTarget }) => {
          images.add([...(currentTarget.files ?? [])]);
          currentTarget.value = ""; // the same file may be chosen again
        }}
      />
    </>
  );
}

/** Whether the model that will answer takes images, or may; says so when it does not. */
function canSee(chatId: string): boolean {
  const id = optionsOf(chatId).value.model ?? defaultModel.value;
  const model = models.value === null ? null : modelOf(id);
  if (model?.can_see !== false) return true;
  say(t.value.modelIsBlind(model.id), { tone: "danger" });
  return false;
}

function sayNoImage(error: unknown): void {
  if (!(error instanceof NoImage)) throw error;
  say(t.value.imageUnreadable, { tone: "danger" });
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
