// The controls of window and level: two sliders, two numbers, the presets; and what dragging does to them.

import { $, make } from "./dom.js";
import { changed, on, state } from "./state.js";
import { factor, firstWindow, limits, presets, told } from "./window.js";

const FINE = 1000; // steps of a slider

/** Sets width or level, or both; the width stays above nothing. */
export function setWindow({ width = state.window.width, level = state.window.level }) {
  if (!state.image || state.image.color || !Number.isFinite(width) || !Number.isFinite(level)) return;
  state.window = { width: Math.max(limits(state.image).smallest, width), level };
  changed("window");
}

/** By a drag, in CSS pixels: to the right is wider, up is brighter. */
export function dragWindow(dx, dy) {
  const pace = Math.max(firstWindow(state.image).width, state.window.width) / 400;
  setWindow({ width: state.window.width + dx * pace, level: state.window.level + dy * pace });
}

/** By keys: how many steps. */
export function nudgeWindow(width, level) {
  const { step } = limits(state.image);
  setWindow({ width: state.window.width + width * step, level: state.window.level + level * step });
}

export const resetWindow = () => setWindow(firstWindow(state.image));

function show() {
  const { image, window } = state;
  const { low, high, widthMax, smallest } = limits(image);
  $("display").hidden = Boolean(image.color);
  // the width's slider is finer where it is narrow
  $("width-slider").value = FINE * Math.sqrt(Math.min(1, (window.width - smallest) / (widthMax - smallest || 1)));
  $("level-slider").value = (FINE * (window.level - low)) / (high - low || 1);
  for (const name of ["width", "level"]) {
    const shown = told(window[name], image);
    $(`${name}-slider`).setAttribute("aria-valuetext", String(shown));
    if (document.activeElement !== $(name)) $(name).value = shown;
  }
  const same = presets(image).findIndex(
    ({ width, level }) => Math.abs(width - window.width) + Math.abs(level - window.level) < 1e-6 * widthMax,
  );
  $("preset").value = same < 0 ? "" : String(same);
}

function list() {
  if (!state.image) return;
  const options = presets(state.image).map(({ name }, i) => make("option", { value: String(i) }, name));
  $("preset").replaceChildren(make("option", { value: "", disabled: true, hidden: true }, "own"), ...options);
}

$("width-slider").addEventListener("input", (event) => {
  const { widthMax, smallest } = limits(state.image);
  setWindow({ width: smallest + (widthMax - smallest) * (event.target.valueAsNumber / FINE) ** 2 });
});
$("level-slider").addEventListener("input", (event) => {
  const { low, high } = limits(state.image);
  setWindow({ level: low + ((high - low) * event.target.valueAsNumber) / FINE });
});
for (const name of ["width", "level"]) {
  $(name).addEventListener("input", (event) => setWindow({ [name]: event.target.valueAsNumber / factor(state.image) }));
  $(name).addEventListener("change", () => show());
}
$("preset").addEventListener("change", (event) => {
  const { width, level } = presets(state.image)[Number(event.target.value)];
  setWindow({ width, level });
});
on("image", list);
on("image window", () => state.image && show());
