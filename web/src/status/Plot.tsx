/** One plot over time, a line for each provider. What draws it is loaded when it is first needed: drawing.ts. */

import { useEffect, useId, useRef } from "preact/hooks";
import { language } from "../i18n/i18n";
import { theme } from "../theme/theme";
import styles from "./Plot.module.css";
import type { Series } from "./series";

export interface PlotProps {
  title: string;
  series: Series;
  /** Of whole things: its axis has no fractions. */
  isCount?: boolean;
}

export function Plot({ title, series, isCount = false }: PlotProps) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<{ show: (series: Series) => void; end: () => void } | null>(null);
  const latest = useRef(series);
  latest.current = series;
  // What it is drawn with; another number of lines needs another drawing.
  const made = [theme.value, language.value, series.values.size, isCount];
  useEffect(() => {
    let isOver = false;
    void import("./drawing").then(({ draw }) => {
      if (isOver || box.current === null) return;
      drawing.current = draw(box.current, latest.current, isCount, language.value);
    });
    return () => {
      isOver = true;
      drawing.current?.end();
      drawing.current = null;
    };
  }, made);
  useEffect(() => drawing.current?.show(series), [series]);
  return (
    <figure class={styles.plot} aria-labelledby={id}>
      <figcaption id={id} class={styles.title}>
        {title}
      </figcaption>
      <div ref={box} class={styles.box} aria-hidden="true" />
    </figure>
  );
}
