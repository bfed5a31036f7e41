// Two findings side by side: an old wording and a new one, or any two of the list.

import { $, make } from "./dom.js";
import { rings } from "./found.js";
import { overlap } from "./masks.js";
import { say } from "./messages.js";
import { goTo } from "./slices.js";
import { answered, changed, findingOf, listed, on, state } from "./state.js";
import { viewer } from "./viewer.js";
import { areaWords, percent } from "./words.js";

const panes = Object.fromEntries(
  viewer.panes.map((pane) => [
    pane.name,
    {
      head: pane.element.querySelector(".pane-head"),
      select: pane.element.querySelector("[data-choose]"),
      told: pane.element.querySelector("[data-state]"),
      words: pane.element.querySelector("[data-words]"),
    },
  ]),
);

/** Shows a finding beside what its words were before. */
export function compareWith(finding) {
  begin(finding.before.key, finding.key);
}

function begin(a, b) {
  state.compare = { a, b };
  const { frame, frames } = findingOf(b);
  if (!frames) goTo(frame);
  changed("compare");
  say("Two sentences side by side; both pictures move together. Escape leaves.");
}

/** Turns comparing on, with the last two sentences, or off. */
export function toggleCompare() {
  if (state.compare) return leaveCompare();
  const chosen = findingOf(state.chosen);
  if (chosen?.before) return compareWith(chosen);
  const [a, b] = listed().slice(-2);
  if (!b) return say("To compare, ask two sentences, or edit one.");
  begin(a.key, b.key);
}

export function leaveCompare() {
  if (!state.compare) return;
  state.compare = null;
  changed("compare");
  say("One picture with all findings.");
}

function show() {
  const { compare, findings } = state;
  const two = Boolean(compare);
  $("panes").classList.toggle("two", two);
  $("compare").setAttribute("aria-pressed", String(two));
  for (const pane of viewer.panes) {
    if (pane.name === "b") pane.element.hidden = !two;
    const { head, select, told, words } = panes[pane.name];
    head.hidden = !two;
    if (!two) continue;
    const options = findings.map((finding) =>
      make("option", { value: String(finding.key) }, `Finding ${finding.number}${finding.replaced ? ", before" : ""}`),
    );
    select.replaceChildren(...options);
    select.value = String(compare[pane.name]);
    words.textContent = words.title = findingOf(compare[pane.name])?.sentence ?? "";
    told.textContent = shortly(findingOf(compare[pane.name]));
  }
  facts();
}

function shortly(finding) {
  if (!finding) return "";
  if (finding.status === "found") return areaWords(finding.result) + (finding.result.anyway ? ", not in scope" : "");
  if (finding.status === "not found")
    return ["not found", finding.result.presence?.toFixed(2)].filter(Boolean).join(", ");
  return { pending: "looking…", negated: "negated", "not in scope": "not in scope", failed: "no answer" }[finding.status];
}

/** How much of the two masks is the same, in the shown slice. */
function facts() {
  const { compare, image, frame } = state;
  const two = compare && [findingOf(compare.a), findingOf(compare.b)];
  $("compare-facts").hidden = !two || !two.every((finding) => finding && answered(finding));
  if ($("compare-facts").hidden) return;
  const [a, b] = two.map((finding) => rings(finding, frame, facts));
  if (!a && !b) return ($("compare-facts").textContent = "Both are empty here.");
  if (!a || !b) return ($("compare-facts").textContent = "Only one of the two has something here.");
  const n = overlap(a.path, b.path, image.width, image.height);
  const dice = (2 * n.shared) / (n.a + n.b);
  $("compare-facts").textContent =
    `${percent(n.shared / n.a)} of the left mask and ${percent(n.shared / n.b)} of the right one are the same place (Dice ${dice.toFixed(2)})`;
}

for (const [name, { select }] of Object.entries(panes)) {
  select.addEventListener("change", () => {
    state.compare[name] = Number(select.value);
    changed("compare");
  });
}
$("compare").addEventListener("click", toggleCompare);
on("compare findings", show);
on("frame", () => state.compare && facts());
