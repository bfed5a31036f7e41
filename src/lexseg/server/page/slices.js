// Which slice is shown: slider, wheel and keys; and marks below the slider where something was found.

import { $ } from "./dom.js";
import { changed, isVolume, listed, on, state } from "./state.js";

/** Shows a frame (from 0), or the nearest there is. */
export function goTo(frame) {
  if (!state.image) return;
  const next = Math.min(state.image.frames - 1, Math.max(0, frame));
  if (next === state.frame) return;
  state.frame = next;
  changed("frame");
}

export const step = (by) => goTo(state.frame + by);

function show() {
  $("slices").hidden = !isVolume();
  if (!isVolume()) return;
  const { frames } = state.image;
  Object.assign($("slice"), { max: frames, value: state.frame + 1 });
  $("slice").setAttribute("aria-valuetext", `Slice ${state.frame + 1} of ${frames}`);
  $("slice-text").textContent = `${state.frame + 1} / ${frames}`;
  marks();
}

function marks() {
  const canvas = $("found-in");
  const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const { frames } = state.image;
  for (const finding of listed()) {
    if (finding.status !== "found" || !finding.visible) continue;
    context.fillStyle = finding.colour;
    const where = finding.frames ? finding.result.frames_found : [finding.frame];
    for (const frame of where)
      context.fillRect(Math.floor((frame / frames) * width), 0, Math.ceil(Math.max(2, width / frames)), height);
  }
}

$("slice").addEventListener("input", (event) => goTo(event.target.valueAsNumber - 1));
on("image frame findings", () => state.image && show());
