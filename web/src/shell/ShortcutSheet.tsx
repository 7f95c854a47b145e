/** The sheet of shortcuts: exactly what is bound where one is. */

import { signal } from "@preact/signals";
import { Fragment } from "preact";
import { t } from "../i18n/i18n";
import { bindings, chooseSingleKeys, hasSingleKeys, isSingleKey, type KeyGroup } from "../keys";
import { Dialog } from "../ui/Dialog";
import { IS_MAC, keyNames } from "./key-names";
import styles from "./ShortcutSheet.module.css";

export const isSheetOpen = signal(false);

export function ShortcutSheet() {
  const groups: [KeyGroup, string][] = [
    ["page", t.value.shortcutsOfPage],
    ["chats", t.value.shortcutsOfChats],
    ["chat", t.value.shortcutsOfChat],
  ];
  return (
    <Dialog
      title={t.value.shortcuts}
      onClose={() => {
        isSheetOpen.value = false;
      }}
    >
      {groups.map(([group, heading]) => (
        <Group key={group} group={group} heading={heading} />
      ))}
      <label class={styles.choice}>
        <input
          type="checkbox"
          checked={hasSingleKeys.value}
          onChange={(event) => chooseSingleKeys(event.currentTarget.checked)}
        />
        {t.value.singleKeys}
      </label>
      <p class={styles.about}>{t.value.singleKeysAbout}</p>
    </Dialog>
  );
}

function Group({ group, heading }: { group: KeyGroup; heading: string }) {
  const bound = bindings.value.filter((each) => each.group === group);
  if (bound.length === 0) return null;
  return (
    <section>
      <h3 class={styles.heading}>{heading}</h3>
      <dl class={styles.list}>
        {bound.map(({ keys, label }) => (
          <div key={keys.join()} class={styles.row}>
            <dt>{label()}</dt>
            <dd>
              <Keys keys={keys.filter((key) => hasSingleKeys.value || !isSingleKey(key))} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Keys({ keys }: { keys: readonly string[] }) {
  if (keys.length === 0) return <>{t.value.noKey}</>;
  return (
    <>
      {keys.map((key, index) => (
        <Fragment key={key}>
          {index > 0 && <span class={styles.or}> {t.value.shortcutOr} </span>}
          {keyNames(key, IS_MAC, t.value).map((name) => (
            <kbd key={name}>{name}</kbd>
          ))}
        </Fragment>
      ))}
    </>
  );
}
