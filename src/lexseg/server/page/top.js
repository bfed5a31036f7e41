// What is open, the colours of the page, and whether masks are shown.

import { $, confirmed, make, swapIcon } from "./dom.js";
import { say } from "./messages.js";
import { factsOf } from "./open.js";
import { changed, on, state } from "./state.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
let theme = null; // null: as the system says

function colours() {
  const now = theme ?? (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now;
  $("theme").setAttribute("aria-label", now === "dark" ? "Light colours" : "Dark colours");
  $("theme").title = now === "dark" ? "Light colours" : "Dark colours";
}

export function toggleMasks() {
  state.shown = !state.shown;
  $("masks").setAttribute("aria-pressed", String(state.shown));
  $("masks").querySelector("span").textContent = state.shown ? "Shown" : "Hidden";
  swapIcon($("masks"), state.shown ? "eye" : "eye-off");
  changed("view");
  say(state.shown ? "All masks are shown." : "All masks are hidden.");
}

function title() {
  const { image, name } = state;
  if (!image) return;
  $("open-other").hidden = false;
  $("case-name").textContent = name;
  $("case-name").title = name;
  $("case-facts").textContent = factsOf(image).join(" · ");
  $("set-spacing").hidden = Boolean(image.spacing);
  $("notes").replaceChildren(...image.notes.map((note) => make("li", {}, note)));
  $("notes").hidden = !image.notes.length;
}

dark.addEventListener("change", colours);
$("theme").addEventListener("click", () => {
  theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  colours();
});
$("masks").addEventListener("click", toggleMasks);
$("opacity").addEventListener("input", (event) => {
  state.opacity = event.target.valueAsNumber / 100;
  changed("view");
});
on("image", title);
colours();

/** Asks for the pixel size; "row,column" in mm, or null. */
export async function askSpacing() {
  if (!(await confirmed($("spacing-dialog")))) return null;
  const [row, column] = ["spacing-row", "spacing-column"].map((id) => $(id).valueAsNumber);
  return row > 0 && column > 0 ? `${row},${column}` : null;
}
$("spacing-row").addEventListener("input", (event) => ($("spacing-column").value = event.target.value));
