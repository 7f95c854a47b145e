/** The button that says who answers in a chat, and opens what there is to choose from: ModelChoices.tsx. */

import { ChevronDown } from "lucide-preact";
import { useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { providers } from "../live/status-feed";
import { lazy } from "../ui/Lazy";
import { place } from "../ui/Menu";
import { say } from "../ui/toasts";
import styles from "./ModelPicker.module.css";
import { defaultModel } from "./models";
import { optionsOf } from "./options";
import { StateDot, stateText } from "./StateDot";

const ModelChoices = lazy(() => import("./ModelChoices").then((module) => module.ModelChoices));

/** As wide as the screen: see the style sheet. */
const PHONE = "(max-width: 40rem)";

export function ModelPicker({ chatId }: { chatId: string }) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const popover = useRef<HTMLDivElement>(null);
  const options = optionsOf(chatId);
  const chosen = options.value.model;
  const onShown = () => {
    const [sheet, anchor] = [popover.current, button.current];
    if (sheet !== null && anchor !== null && !matchMedia(PHONE).matches) place(sheet, anchor);
  };
  const onChoose = (model: string | null) => {
    options.value = { ...options.value, model };
    popover.current?.hidePopover();
    const provider = providerOf(model);
    if (provider?.state === "UNHEALTHY") say(t.value.unhealthyChoice(provider.name));
  };
  return (
    <>
      <PickerButton reference={button} chosen={chosen} isOpen={isOpen} popoverId={id} />
      <div
        ref={popover}
        id={id}
        popover="auto"
        role="dialog"
        aria-label={t.value.model}
        tabIndex={-1}
        class={styles.popover}
        onBeforeToggle={(event: ToggleEvent) => event.newState === "open" && setOpen(true)}
        // Why not before: the browser gives the focus back to the button only if it is still in here.
        onToggle={(event: ToggleEvent) => event.newState === "closed" && setOpen(false)}
      >
        {isOpen && <ModelChoices chosen={chosen} onChoose={onChoose} onShown={onShown} />}
      </div>
    </>
  );
}

interface PickerButtonProps {
  reference: preact.RefObject<HTMLButtonElement>;
  chosen: string | null;
  isOpen: boolean;
  popoverId: string;
}

function PickerButton({ reference, chosen, isOpen, popoverId }: PickerButtonProps) {
  const answering = chosen ?? defaultModel.value;
  const present = chosen ?? presentDefault();
  const state = providerOf(answering)?.state;
  const isSound = state === undefined || state === "HEALTHY";
  return (
    <button
      ref={reference}
      type="button"
      class={styles.button}
      popoverTarget={popoverId}
      aria-haspopup="dialog"
      aria-expanded={isOpen}
      aria-label={isSound ? t.value.chooseModel(present) : t.value.chooseModelIn(present, stateText(state))}
      title={present}
    >
      <span class={styles.present}>{present}</span> {/* the space is for who hears it */}
      {!isSound && <StateDot state={state} />}
      <ChevronDown size={16} aria-hidden="true" />
    </button>
  );
}

/** What is shown where nobody chose. */
function presentDefault(): string {
  return defaultModel.value === null ? t.value.noModel : t.value.defaultModel(defaultModel.value);
}

function providerOf(model: string | null) {
  return model === null ? undefined : providers.value.find(({ name }) => model.startsWith(`${name}/`));
}
