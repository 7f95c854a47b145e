/** One line of the model picker: a model, its window, its prices, and whether it sees. */

import { Check } from "lucide-preact";
import { language, t } from "../i18n/i18n";
import type { Choice } from "./choices";
import { priceText, sizeText } from "./formats";
import styles from "./ModelOption.module.css";
import { defaultModel, type OfferedModel } from "./models";

export interface ModelOptionProps {
  id: string;
  choice: Choice;
  /** Whether Enter takes it. */
  isActive: boolean;
  isChosen: boolean;
  onChoose: (model: string | null) => void;
}

export function ModelOption({ id, choice, isActive, isChosen, onChoose }: ModelOptionProps) {
  const { name, details } = textsOf(choice);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: the search field has the focus and the keys
    <div
      id={id}
      role="option"
      aria-selected={isChosen}
      class={isActive ? styles.active : styles.option}
      onClick={() => onChoose(choice.id)}
    >
      <span class={styles.mark}>{isChosen && <Check size={16} aria-hidden="true" />}</span>
      <span class={styles.name}>{name}</span>
      {details.length > 0 && <span class={styles.details}>{details.join(" · ")}</span>}
    </div>
  );
}

function textsOf({ id, model }: Choice): { name: string; details: string[] } {
  if (id === null) {
    const present = defaultModel.value;
    return { name: present === null ? t.value.noModel : t.value.defaultModel(present), details: [] };
  }
  if (model === null) return { name: id, details: [t.value.notListed] };
  return { name: model.model, details: detailsOf(model) };
}

function detailsOf(model: OfferedModel): string[] {
  const { context_tokens, input_usd_per_mtok, output_usd_per_mtok, can_see } = model;
  const speaks = language.value;
  return [
    context_tokens === null ? "" : t.value.contextOf(sizeText(context_tokens, speaks)),
    input_usd_per_mtok === null ? "" : t.value.inputPrice(priceText(input_usd_per_mtok, speaks)),
    output_usd_per_mtok === null ? "" : t.value.outputPrice(priceText(output_usd_per_mtok, speaks)),
    can_see === true ? t.value.seesImages : "",
  ].filter(Boolean);
}
