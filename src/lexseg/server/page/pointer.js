// Mouse, pen and fingers on the picture.

import { brush, drawn, drawnOn, isHand } from "./correct.js";
import { $ } from "./dom.js";
import { say } from "./messages.js";
import { step } from "./slices.js";
import { isMark, scribbled } from "./teach.js";
import { isVolume, state } from "./state.js";
import { viewer } from "./viewer.js";
import { dragWindow } from "./window-bar.js";

const SLICE = 50; // how far a wheel turns for a slice; track pads send many small steps

const at = (event) => ({ x: event.offsetX, y: event.offsetY });
const tool = () => document.querySelector("#tool input:checked").value;

function listen(canvas) {
  const down = new Map(); // pointer -> last {x, y}
  let turned = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (!state.image || event.button === 2) return;
    canvas.setPointerCapture(event.pointerId);
    if (isHand(tool()) && event.button === 0 && !event.shiftKey && !down.size) {
      if (!drawnOn()) return say("Choose a finding of this picture first: what is drawn belongs to it.");
      const { x, y } = viewer.toImage(at(event));
      viewer.stroke = { points: [[y, x]], radius: brush() };
      return viewer.draw();
    }
    if (isMark(tool()) && event.button === 0 && !event.shiftKey && !down.size) {
      const { x, y } = viewer.toImage(at(event));
      viewer.stroke = { points: [[y, x]], radius: brush() / 2, wanted: tool() === "mark" };
      return viewer.draw();
    }
    down.set(event.pointerId, { ...at(event), moves: event.button === 1 || event.shiftKey });
    if (event.button === 1) event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.image) return;
    const here = at(event);
    const { x, y } = viewer.toImage(here);
    viewer.pointed = { x: Math.floor(x), y: Math.floor(y) };
    if (viewer.stroke) {
      viewer.stroke.points.push([y, x]);
      return viewer.draw();
    }
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
      const { stroke } = viewer;
      viewer.stroke = null;
      if (stroke && end === "pointerup") (isMark(tool()) ? scribbled : drawn)(tool(), stroke.points);
      if (stroke) viewer.draw();
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
