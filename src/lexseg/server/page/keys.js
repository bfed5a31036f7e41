// The keyboard. Single letters do nothing while one writes, and can be turned off in the list of keys.

import { leaveCompare, toggleCompare } from "./compare.js";
import { $, confirmed } from "./dom.js";
import { penKey } from "./pen.js";
import { goTo, step } from "./slices.js";
import { state } from "./state.js";
import { toggleMasks } from "./top.js";
import { viewer } from "./viewer.js";
import { nudgeWindow, resetWindow } from "./window-bar.js";

const PAN = 40; // CSS pixels a key press
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const picture = {
  "+": () => viewer.zoomBy(1.25),
  "=": () => viewer.zoomBy(1.25),
  "-": () => viewer.zoomBy(0.8),
  0: () => viewer.fit(),
  1: () => viewer.one(),
  r: resetWindow,
  R: resetWindow,
  PageUp: () => step(-1),
  PageDown: () => step(1),
  Home: () => goTo(0),
  End: () => goTo(state.image.frames - 1),
};

const letters = {
  "/": () => $("sentence").focus(),
  o: () => $("files").click(),
  v: toggleMasks,
  c: toggleCompare,
  "?": help,
};

export function help() {
  if (!$("help-dialog").open) confirmed($("help-dialog"));
}

function onPicture(event) {
  const arrow = ARROWS[event.key];
  const act = picture[event.key];
  if (!state.image || event.ctrlKey || event.metaKey || event.altKey) return;
  const drawn = penKey(event, arrow);
  if (!(drawn || arrow || act)) return;
  event.preventDefault();
  event.stopPropagation();
  if (drawn) return;
  if (act) act();
  else if (event.shiftKey) nudgeWindow(arrow[0], arrow[1]);
  else viewer.panBy(-PAN * arrow[0], PAN * arrow[1]);
}

for (const { canvas } of viewer.panes) canvas.addEventListener("keydown", onPicture);
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return leaveCompare();
  const writes = event.target.closest?.(
    "input:not([type=range], [type=radio], [type=checkbox], [type=color]), textarea, select",
  );
  if (writes || !$("letters").checked || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = letters[event.key] ?? letters[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
$("help").addEventListener("click", help);
