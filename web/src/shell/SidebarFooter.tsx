/** The foot of the sidebar: the other views, the choices that hold for the browser, and who one is. */

import { Activity, Keyboard, LogOut, Monitor, Moon, Sun, Trash2 } from "lucide-preact";
import { chooseLanguage, chosenLanguage, language, t } from "../i18n/i18n";
import { LANGUAGES, type Language } from "../i18n/strings";
import { go, hashOf, type Route, route } from "../routes";
import { logOut, NOBODY, session } from "../session/session";
import { chooseTheme, chosenTheme, type Theme } from "../theme/theme";
import { IconButton } from "../ui/Button";
import { Segments } from "../ui/Segments";
import { attempt } from "../ui/toasts";
import { isSheetOpen } from "./ShortcutSheet";
import styles from "./SidebarFooter.module.css";

const VIEWS = [
  { view: "status", icon: Activity },
  { view: "trash", icon: Trash2 },
] as const;

export function SidebarFooter() {
  return (
    <footer class={styles.footer}>
      <nav aria-label={t.value.otherViews} class={styles.views}>
        {VIEWS.map(({ view, icon: Icon }) => (
          <a key={view} href={hashOf({ view })} aria-current={currentOf(route.value, view)}>
            <Icon size={18} aria-hidden="true" />
            {t.value[view]}
          </a>
        ))}
      </nav>
      <div class={styles.choices}>
        <ThemeChoice />
        <LanguageChoice />
        <IconButton
          isSmall
          icon={Keyboard}
          label={t.value.shortcuts}
          onClick={() => {
            isSheetOpen.value = true;
          }}
        />
      </div>
      <WhoIsHere />
    </footer>
  );
}

function currentOf(place: Route, view: Route["view"]) {
  return place.view === view ? "page" : undefined;
}

function ThemeChoice() {
  const themes: { value: Theme | null; label: string; icon: typeof Sun }[] = [
    { value: null, label: t.value.themeSystem, icon: Monitor },
    { value: "light", label: t.value.themeLight, icon: Sun },
    { value: "dark", label: t.value.themeDark, icon: Moon },
  ];
  return <Segments label={t.value.theme} options={themes} value={chosenTheme.value} onChoose={chooseTheme} />;
}

function LanguageChoice() {
  return (
    <select
      class={styles.language}
      aria-label={t.value.language}
      value={chosenLanguage.value ?? language.value}
      onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([code, { languageName }]) => (
        <option key={code} value={code} lang={code}>
          {languageName}
        </option>
      ))}
    </select>
  );
}

/** Only where there are keys: without, there is nobody to log out. */
function WhoIsHere() {
  const now = session.value;
  if (!("who" in now) || now.who.name === NOBODY) return null;
  const leave = async () => {
    await logOut();
    go({ view: "new" }, { replaces: true });
  };
  return (
    <div class={styles.who}>
      <span title={t.value.loggedInAs(now.who.name)}>{now.who.name}</span>
      <IconButton isSmall icon={LogOut} label={t.value.logOut} onClick={() => void attempt(leave())} />
    </div>
  );
}
