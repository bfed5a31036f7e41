// Mouse, pen and fingers on the picture.

import { $ } from "./dom.js";
import { draws, drawTo, drop, lift, putDown, tool } from "./pen.js";
import { step } from "./slices.js";
import { isVolume, state } from "./state.js";
import { viewer } from "./viewer.js";
import { dragWindow } from "./window-bar.js";

const SLICE = 50; // how far a wheel turns for a slice; track pads send many small steps

const at = (event) => ({ x: event.offsetX, y: event.offsetY });

function listen(canvas) {
  const down = new Map(); // pointer -> last {x, y}
  let turned = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (!state.image || event.button === 2) return;
    canvas.setPointerCapture(event.pointerId);
    drop(); // what keys have begun
    viewer.cursor = null;
    if (draws() && event.button === 0 && !event.shiftKey && !down.size) return putDown(viewer.toImage(at(event)));
    down.set(event.pointerId, { ...at(event), moves: event.button === 1 || event.shiftKey });
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.image) return;
    const here = at(event);
    const { x, y } = viewer.toImage(here);
    viewer.pointed = { x: Math.floor(x), y: Math.floor(y) };
    if (viewer.stroke && !viewer.stroke.keyed) return drawTo({ x, y });
    const before = down.get(event.pointerId);
    if (!before) return viewer.draw();
    down.set(event.pointerId, { ...before, ...here });
    const [dx, dy] = [here.x - before.x, here.y - before.y];
    if (down.size === 2) return pinch(down, event.pointerId, before);
    if (before.moves || tool() === "pan" || state.image.color) viewer.panBy(dx, dy);
    else dragWindow(dx, dy);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, (event) => {
      down.delete(event.pointerId);
      if (viewer.stroke && !viewer.stroke.keyed) (end === "pointerup" ? lift : drop)();
    });
  canvas.addEventListener("pointerleave", () => {
    viewer.pointed = null;
    viewer.draw();
  });
  canvas.addEventListener("dblclick", () => viewer.fit());
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!state.image) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey || !isVolume()) return viewer.zoomBy(Math.exp(-event.deltaY / 400), at(event));
      turned += event.deltaMode ? event.deltaY * SLICE : event.deltaY;
      const slices = Math.trunc(turned / SLICE);
      turned -= slices * SLICE;
      if (slices) step(Math.sign(slices) * Math.min(3, Math.abs(slices)));
    },
    { passive: false },
  );
}

function pinch(down, moved, before) {
  const [other] = [...down].filter(([id]) => id !== moved).map(([, point]) => point);
  const here = down.get(moved);
  const far = (point) => Math.hypot(point.x - other.x, point.y - other.y);
  viewer.zoomBy(far(here) / Math.max(1, far(before)), { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 });
  viewer.panBy((here.x - before.x) / 2, (here.y - before.y) / 2);
}

for (const { canvas } of viewer.panes) listen(canvas);
$("tool").addEventListener("change", () => {
  for (const { canvas } of viewer.panes) canvas.classList.toggle("pan", tool() === "pan");
});
$("zoom-in").addEventListener("click", () => viewer.zoomBy(1.25));
$("zoom-out").addEventListener("click", () => viewer.zoomBy(0.8));
$("zoom-fit").addEventListener("click", () => viewer.fit());
$("zoom-one").addEventListener("click", () => viewer.one());
