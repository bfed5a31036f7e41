// The page shows what its back end can do, and says what that is.

import { CAN, SAYS } from "./api.js";
import { $ } from "./dom.js";

const hide = (...elements) => elements.forEach((element) => (element.hidden = true));

if (!CAN.correct) {
  const hands = ["brush", "eraser", "add", "drop"].map((tool) => document.querySelector(`#tool [value=${tool}]`));
  hide(...hands.map((input) => input.closest("label")));
}
if (!CAN.folders) hide($("choose-folder"));
if (!CAN.seg) hide($("description").closest("label"));
// what is told of the rest goes, and is not only hidden: descriptions are read as text
for (const element of document.querySelectorAll("[data-needs]")) if (!CAN[element.dataset.needs]) element.remove();
if (SAYS.where) $("where").textContent = SAYS.where;
if (SAYS.opens) $("opens").textContent = SAYS.opens;
