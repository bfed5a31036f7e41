// What is drawn on the picture, with a pointer or with keys: brush and eraser, clicks, and scribbles to teach by.

import { brush, drawn, drawnOn, isHand } from "./correct.js";
import { $ } from "./dom.js";
import { rings } from "./found.js";
import { say } from "./messages.js";
import { on, state } from "./state.js";
import { isMark, scribbled } from "./teach.js";
import { viewer } from "./viewer.js";

const STEP = 4; // CSS pixels a key press, and never less than a pixel of the image
const FAST = 8; // times as far with Shift
const QUIET = 250; // ms without a key before a place is said: those that are passed are not
const NAMES = {
  brush: "Brush",
  eraser: "Eraser",
  add: "Add",
  drop: "Take away",
  mark: "Scribble on the target",
  unmark: "Scribble beside the target",
};
const DOWN = {
  brush: "Painting.",
  eraser: "Erasing.",
  mark: "Scribbling on the target.",
  unmark: "Scribbling beside the target.",
};
const AROUND = "Arrow keys move the picture";
const DRAWS =
  "Arrow keys move the brush, with Shift in larger steps; Space puts it down and lifts it again, a tool for clicks clicks; " +
  "Escape drops what is begun, and then leaves the brush. Page Up, Page Down, plus and minus work as ever.";
let waits = 0; // of a place to be said
let of = null; // the finding that is being drawn on

export const tool = () => document.querySelector("#tool input:checked").value;

/** Whether the chosen tool draws. */
export const draws = () => isHand(tool()) || isMark(tool());
const clicks = () => ["add", "drop"].includes(tool());

/** Puts the pen down on an image point, {x, y}; says why where nothing can be drawn. `keyed`: keys move it. */
export function putDown({ x, y }, keyed = false) {
  if (state.compare) return say("Two pictures are side by side: leave that first (Escape), then draw.");
  of = isHand(tool()) ? drawnOn() : null;
  if (isHand(tool()) && !of) return say("Choose a finding of this picture first: what is drawn belongs to it.");
  const marks = isMark(tool()) ? { radius: brush() / 2, wanted: tool() === "mark" } : { radius: brush() };
  viewer.stroke = { points: [[y, x]], keyed, ...marks };
  viewer.draw();
}

/** Draws on to an image point. */
export function drawTo({ x, y }) {
  viewer.stroke.points.push([y, x]);
  viewer.draw();
}

/** Lifts the pen: what was drawn is taken up. */
export function lift() {
  const { points } = viewer.stroke;
  viewer.stroke = null;
  (isMark(tool()) ? scribbled : drawn)(tool(), points);
  viewer.draw();
}

/** Lifts the pen, and nothing was drawn. */
export function drop() {
  if (!viewer.stroke) return false;
  viewer.stroke = null;
  viewer.draw();
  return true;
}

// --- by keys: a cursor in the middle of a pixel --------------------------------------

/** What a key does while a tool draws; whether it did anything. `arrow` is [columns, rows upwards] or undefined. */
export function penKey(event, arrow) {
  if (!state.image || state.compare || !draws()) return false;
  if (arrow) move(arrow, event.shiftKey ? FAST : 1);
  else if (event.key === " " || event.key === "Enter") event.repeat || press();
  else if (event.key === "Escape") leave();
  else return false;
  return true;
}

function move([columns, rows], times) {
  const { width, height } = state.image;
  const { x, y } = (viewer.cursor ??= begin());
  const far = (scale) => times * Math.max(1, Math.round(STEP / scale));
  const within = (value, size) => Math.min(size - 0.5, Math.max(0.5, value));
  viewer.cursor = {
    x: within(x + columns * far(viewer.view.scale), width),
    y: within(y - rows * far(viewer.view.scale * viewer.aspect), height),
  };
  if (viewer.stroke) drawTo(viewer.cursor);
  viewer.bringIntoSight(viewer.cursor);
  follow();
  clearTimeout(waits);
  waits = setTimeout(() => say(placeOf(viewer.cursor)), QUIET);
}

function press() {
  clearTimeout(waits);
  viewer.cursor ??= begin();
  follow();
  if (viewer.stroke) {
    if (isHand(tool()) && of !== drawnOn()) return drop(), say("Another finding was chosen meanwhile: nothing was drawn.");
    lift();
    return isMark(tool()) && say(`${NAMES[tool()]}: done. ${placeOf(viewer.cursor)}`);
  }
  putDown(viewer.cursor, true);
  if (!viewer.stroke) return;
  if (clicks()) return lift();
  say(`${DOWN[tool()]} ${placeOf(viewer.cursor)}`);
}

function leave() {
  clearTimeout(waits);
  if (drop()) return say("Nothing was drawn: the brush is lifted.");
  document.querySelector("#tool [value=window]").click();
  say(`${AROUND} again.`);
}

/** The middle of what is in sight. */
function begin() {
  const { x, y } = viewer.view;
  const { width, height } = state.image;
  const middle = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value))) + 0.5;
  return { x: middle(x, width), y: middle(y, height) };
}

/** The corner of the picture tells the place and its value, as it does of a mouse. */
function follow() {
  viewer.pointed = { x: Math.floor(viewer.cursor.x), y: Math.floor(viewer.cursor.y) };
  viewer.draw();
}

/** A place in words: column, row, and whether it is in the chosen finding. */
function placeOf({ x, y }) {
  const finding = drawnOn();
  const place = `Column ${Math.floor(x) + 1} of ${state.image.width}, row ${Math.floor(y) + 1} of ${state.image.height}`;
  if (!finding) return `${place}.`;
  const path = rings(finding, state.frame)?.path;
  const inside = path && document.createElement("canvas").getContext("2d").isPointInPath(path, x, y, "evenodd");
  return `${place}, ${inside ? "in" : "outside"} finding ${finding.number}.`;
}

/** What the keys do, for those who listen; and no stroke outlives its picture, slice or tool. */
function settle() {
  const dropped = drop();
  viewer.cursor = draws() ? viewer.cursor : null;
  $("view-keys").textContent = draws() ? `${NAMES[tool()]}. ${DRAWS}` : KEYS;
  return dropped;
}

const KEYS = $("view-keys").textContent;
$("tool").addEventListener("change", () => {
  settle();
  if (draws()) say(`${NAMES[tool()]}: draw on the picture; or there by keys: arrows, Space, Escape.`);
});
on("frame compare", () => settle() && say("Nothing was drawn: the brush is lifted."));
on("image", () => {
  viewer.cursor = null;
  settle();
});
for (const { canvas } of viewer.panes) {
  canvas.addEventListener("focus", () => {
    if (!state.image || state.compare || !draws() || !canvas.matches(":focus-visible")) return;
    viewer.cursor ??= begin();
    follow();
  });
}
