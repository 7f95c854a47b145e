/** What the model picker offers for what is searched, in the order that it is shown and walked through by keyboard. */

import type { Provider } from "../live/status-feed";
import type { OfferedModel } from "./models";

/** One line that can be chosen; `id` null leaves it to the server. */
export interface Choice {
  id: string | null;
  /** Null: the default, or a model that nobody lists now. */
  model: OfferedModel | null;
}

export interface ChoiceGroup {
  /** Null is the group before all providers. */
  provider: Provider | null;
  choices: readonly Choice[];
}

/**
 * `chosen` is offered also when no provider lists it. Without a search
 * every provider has its group, also those that list nothing; with one, those models whose names have each of its words.
 */
export function choicesOf(
  models: readonly OfferedModel[],
  providers: readonly Provider[],
  chosen: string | null,
  search: string,
): readonly ChoiceGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = (id: string) => words.every((word) => id.toLowerCase().includes(word));
  const found = byProvider(models.filter(({ id }) => isFound(id)));
  const first: Choice[] = words.length === 0 ? [{ id: null, model: null }] : [];
  if (chosen !== null && isFound(chosen) && !models.some(({ id }) => id === chosen)) {
    first.push({ id: chosen, model: null });
  }
  const offered = providers
    .filter(({ name }) => found.has(name) || words.length === 0)
    .map((provider) => ({
      provider,
      choices: found.get(provider.name) ?? [],
    }));
  // Those that list nothing last: they have nothing to choose.
  offered.sort((one, other) => Number(one.choices.length === 0) - Number(other.choices.length === 0));
  return [...(first.length > 0 ? [{ provider: null, choices: first }] : []), ...offered];
}

function byProvider(models: readonly OfferedModel[]): Map<string, Choice[]> {
  const groups = new Map<string, Choice[]>();
  for (const model of models) {
    const group = groups.get(model.provider) ?? [];
    group.push({ id: model.id, model });
    groups.set(model.provider, group);
  }
  return groups;
}

const PAGE = 10; // lines

/** The place that a key leads to among `count` lines, from `place`; null when it is no such key. */
export function placeAfter(key: string, place: number, count: number): number | null {
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown":
      return (place + 1) % count;
    case "ArrowUp":
      return (Math.max(place, 0) - 1 + count) % count;
    case "PageDown":
      return Math.min(place + PAGE, count - 1);
    case "PageUp":
      return Math.max(place - PAGE, 0);
    default:
      return null;
  }
}
