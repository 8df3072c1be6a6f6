// Small charts over one common stretch of time.

import { make, quantity } from "./format.js";

const CHARTS = ["good parts per hour", "gripper/vacuum", "cell.speed_scale",
  "cell.part_acceleration_max_m_s2", "cell.grip_vacuum_pa", "inspection.exposure_s", "cell/power",
  "cell/ambient_light"];
const SOURCES = { "good parts per hour": "good_parts_per_hour" };
const WINDOW_S = 600;
const SVG = "http://www.w3.org/2000/svg";

export function drawCharts(box, state) {
  const stop = state.elapsed_s;
  const start = Math.max(0, stop - WINDOW_S);
  const charts = [];
  for (const name of CHARTS) {
    const points = state.series[SOURCES[name] ?? name] ?? [];
    if (points.length) charts.push(chart(name, points, start, stop));
  }
  box.replaceChildren(...charts);
}

function chart(name, points, start, stop) {
  const { label, text, plain } = quantity(name);
  // What holds until it is changed, as parameters do, is drawn in steps up to now.
  const steps = name.includes(".");
  const shown = inWindow(points, start, stop, steps);
  const values = shown.map((point) => point[1]);
  const low = Math.min(...values), high = Math.max(...values);
  const x = (t) => (stop > start ? (100 * (t - start)) / (stop - start) : 0).toFixed(2);
  const y = (value) => (high > low ? 28 - (26 * (value - low)) / (high - low) : 15).toFixed(2);
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", shown.flatMap(([t, value], index) =>
    steps && index ? [`${x(t)},${y(shown[index - 1][1])}`, `${x(t)},${y(value)}`] : [`${x(t)},${y(value)}`]).join(" "));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  const now = points[points.length - 1][1];
  const range = high > low ? `${plain(low)} to ${text(high)}` : "unchanged";
  return make("div", "chart",
    make("div", "", make("span", "", label), make("b", "number", text(now))), svg,
    make("div", "range", make("span", "", range)));
}

function inWindow(points, start, stop, steps) {
  const inside = points.filter((point) => point[0] >= start);
  if (!steps) return inside.length ? inside : points.slice(-1);
  const before = points.filter((point) => point[0] < start).slice(-1).map((point) => [start, point[1]]);
  const shown = [...before, ...inside];
  return [...shown, [stop, shown[shown.length - 1][1]]];
}
