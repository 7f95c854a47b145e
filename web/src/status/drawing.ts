/** Drawing lines over time with uPlot, in the colours of the theme and as wide as there is room. */

import uPlot, { type AlignedData, type Series as Line, type Options } from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Language } from "../i18n/strings";
import { type Look, lookOf } from "./looks";
import type { Series } from "./series";

const POINT_PX = 4.5; // from its middle to its edge
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Draw into `box`. `end` takes it away. */
export function draw(
  box: HTMLElement,
  series: Series,
  isCount: boolean,
  language: Language,
): { show: (series: Series) => void; end: () => void } {
  const plot = new uPlot(optionsOf(box, series, isCount, language), dataOf(series), box);
  const watcher = new ResizeObserver(() => plot.setSize(sizeOf(box)));
  watcher.observe(box);
  return {
    show: (next) => plot.setData(dataOf(next)),
    end: () => {
      watcher.disconnect();
      plot.destroy();
    },
  };
}

function dataOf({ times, values }: Series): AlignedData {
  return [[...times], ...[...values.values()].map((line) => [...line])];
}

function optionsOf(box: HTMLElement, series: Series, isCount: boolean, language: Language): Options {
  const colours = getComputedStyle(box);
  const colour = (token: string) => colours.getPropertyValue(token);
  const axis = {
    stroke: colour("--text-soft"),
    font: `12px ${colour("--font")}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 4 },
  };
  const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
  const time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const exactTime = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", second: "2-digit" });
  return {
    ...sizeOf(box),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 32, 0, 0],
    scales: {
      x: { range: ({ data: [times] }) => wide(times[0] ?? 0, times.at(-1) ?? 0, isCount ? LEAST_COUNTED_S : LEAST_S) },
      y: { range: (_plot, _from, to) => [0, upTo(to)] },
    },
    axes: [
      {
        ...axis,
        space: 70,
        values: (_plot, ticks, _axis, _space, step) =>
          ticks.map((tick) => (step < 60 ? exactTime : time).format(tick * 1000)),
      },
      {
        ...axis,
        size: 52,
        values: (_plot, ticks) => ticks.map((tick) => number.format(tick)),
        ...(isCount ? { incrs: STEPS } : {}),
      },
    ],
    series: [{}, ...[...series.values.keys()].map((_provider, place) => lineOf(lookOf(place), colour))],
  };
}

function lineOf(look: Look, colour: (token: string) => string): Line {
  const stroke = colour(look.colour);
  return {
    stroke,
    width: 2,
    dash: look.dash,
    spanGaps: true,
    points: { show: true, fill: stroke, paths: (plot, index, first, last) => marks(plot, index, first, last, look) },
  };
}

/** The points of one line, each in its form. */
function marks(plot: uPlot, index: number, first: number, last: number, look: Look): Line.Points.Paths {
  const fill = new Path2D();
  const marker = new Path2D(look.marker);
  const scale = POINT_PX * uPlot.pxRatio;
  for (let place = first; place <= last; place += 1) {
    const [at, value] = [plot.data[0][place], plot.data[index]?.[place]];
    if (at === undefined || value === undefined || value === null) continue;
    const [left, top] = [plot.valToPos(at, "x", true), plot.valToPos(value, "y", true)];
    fill.addPath(marker, new DOMMatrix([scale, 0, 0, scale, left, top]));
  }
  return { fill };
}

function sizeOf(box: HTMLElement): { width: number; height: number } {
  return { width: box.clientWidth, height: box.clientHeight };
}

const LEAST_S = 60;
const LEAST_COUNTED_S = 600;

/** A little room at both sides, and `least` at least: one point alone is in the middle. */
function wide(from: number, to: number, least: number): [number, number] {
  const room = Math.max((to - from) * 0.03, (least - (to - from)) / 2);
  return [from - room, to + room];
}

function upTo(most: number): number {
  return most > 0 ? most * 1.15 : 1;
}
