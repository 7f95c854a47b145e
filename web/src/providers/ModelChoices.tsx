/**
 * The models to choose from, searched and walked through as the ARIA Authoring Practices have it (Combobox, List
 * Autocomplete): the focus stays in the search field, the arrow keys move what Enter chooses.
 */

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { providers } from "../live/status-feed";
import { CheckNow } from "./CheckNow";
import { type Choice, choicesOf, placeAfter } from "./choices";
import styles from "./ModelChoices.module.css";
import { ModelGroup } from "./ModelGroup";
import { ModelOption } from "./ModelOption";
import { models } from "./models";
import { useFreshProviders } from "./watching";

export interface ModelChoicesProps {
  chosen: string | null;
  onChoose: (model: string | null) => void;
  /** It has its size now. */
  onShown: () => void;
}

export function ModelChoices({ chosen, onChoose, onShown }: ModelChoicesProps) {
  const id = useId();
  useFreshProviders();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // Why not where one touches: a screen keyboard would cover half of what there is to choose.
    if (!matchMedia("(pointer: coarse)").matches) field.current?.focus();
    onShown();
  }, []);
  const [search, setSearch] = useState("");
  /** The id of the choice that Enter takes; undefined is the first one. */
  const [active, setActive] = useState<string | null | undefined>(chosen);
  const groups = useMemo(
    () => choicesOf(models.value ?? [], providers.value, chosen, search),
    [models.value, providers.value, chosen, search],
  );
  const choices = useMemo(() => groups.flatMap((group) => group.choices), [groups]);
  const place = Math.max(
    choices.findIndex((choice) => choice.id === active),
    0,
  );
  const activeId = choices[place] && optionId(id, choices[place]);
  useEffect(() => {
    if (activeId) document.getElementById(activeId)?.scrollIntoView({ block: "nearest" });
  }, [activeId]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const next = placeAfter(event.key, place, choices.length);
    const choice = choices[next ?? place];
    if (choice === undefined || (next === null && event.key !== "Enter")) return;
    event.preventDefault();
    if (next === null) onChoose(choice.id);
    else setActive(choice.id);
  };
  return (
    <div class={styles.choices}>
      <div class={styles.header}>
        <input
          ref={field}
          type="text"
          role="combobox"
          class={styles.search}
          placeholder={t.value.searchModels}
          aria-label={t.value.searchModels}
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={activeId}
          autocomplete="off"
          spellcheck={false}
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setActive(undefined);
          }}
          onKeyDown={onKeyDown}
        />
        <CheckNow />
      </div>
      <p class="unseen" role="status">
        {search !== "" && t.value.modelsFound(choices.length)}
      </p>
      <div id={`${id}-list`} role="listbox" aria-label={t.value.model} class={styles.list}>
        {groups.map(({ provider, choices }) => (
          <ModelGroup key={provider?.name ?? ""} id={`${id}-of-${provider?.name ?? ""}`} provider={provider}>
            {choices.map((choice) => (
              <ModelOption
                key={choice.id ?? ""}
                id={optionId(id, choice)}
                choice={choice}
                isActive={optionId(id, choice) === activeId}
                isChosen={choice.id === chosen}
                onChoose={onChoose}
              />
            ))}
          </ModelGroup>
        ))}
      </div>
      <p class={styles.hint}>{hintOf(choices.length, search)}</p>
    </div>
  );
}

function hintOf(count: number, search: string): string {
  if (models.value === null) return t.value.modelsLoading;
  if (search !== "" && count === 0) return t.value.noModelFound;
  if (models.value.length === 0) return t.value.noProvider;
  const isPriced = models.value.some(({ output_usd_per_mtok: price }) => price !== null);
  return isPriced ? t.value.pricesHint : "";
}

/** A name may have what an id may not. */
function optionId(listId: string, choice: Choice): string {
  return `${listId}-${choice.id === null ? "default" : `of-${encodeURIComponent(choice.id)}`}`;
}
