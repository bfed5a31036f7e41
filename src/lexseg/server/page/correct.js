// Corrections of a finding: a line to say what is wrong, what was done so far, and the brush. The server keeps the mask.

import { CAN, request, save } from "./api.js";
import { make } from "./dom.js";
import { pathOf } from "./masks.js";
import { alertUser, say } from "./messages.js";
import { nameOfSaved } from "./names.js";
import { answered, changed, findingOf, state } from "./state.js";

const HAND = {
  brush: (points, radius) => ({ stroke: { points, radius, wanted: true } }),
  eraser: (points, radius) => ({ stroke: { points, radius, wanted: false } }),
  add: ([[row, column]]) => ({ point: { row: Math.floor(row), column: Math.floor(column), wanted: true } }),
  drop: ([[row, column]]) => ({ point: { row: Math.floor(row), column: Math.floor(column), wanted: false } }),
};
const MOST_POINTS = 5000;

export const isHand = (tool) => tool in HAND;

/** Whether a finding's mask can be corrected: that of a single frame, which has been answered. */
export const correctable = (finding) =>
  CAN.correct && answered(finding) && !finding.frames && Boolean(finding.result?.links);

/** The finding that is drawn on: the chosen one, in the frame that is shown. */
export function drawnOn() {
  const finding = findingOf(state.chosen);
  return finding && !state.compare && correctable(finding) && finding.frame === state.frame ? finding : null;
}

/** How thick the brush is, in pixels of the image. */
export const brush = () => Math.max(1, Math.min(state.image.width, state.image.height) * 0.02);

/**
 * Has a finding corrected: {say}, {step}, {stroke} or {point}. What comes of it is said, and shown in its row. What is
 * drawn or said while the server is at work waits for its turn: none of it is lost, and none overtakes another.
 */
export function correct(finding, values) {
  finding.corrections ??= { of: finding.result.id, history: [], undone: 0, before: null, echo: "", turn: Promise.resolve() };
  return (finding.corrections.turn = finding.corrections.turn.then(() => send(finding, values)));
}

async function send(finding, values) {
  if (!state.findings.includes(finding)) return false; // it was removed meanwhile
  const told = finding.corrections;
  let done = false;
  try {
    const json = { sentence: finding.sentence, ...values };
    const answer = await (await request("POST", `v1/results/${told.of}/corrections`, { json })).json();
    const { accepted, history, undone, echo, before, result } = answer;
    Object.assign(told, { accepted, history, undone, echo, before: before.length ? pathOf(before) : null });
    if (answer.done) Object.assign(finding, { status: result.state, result, paths: new Map() });
    if (!answer.done) told.echo = `Not done: ${echo}`;
    done = answer.done;
  } catch (error) {
    told.echo = `Not done: ${error.message}`;
  }
  say(told.echo);
  changed("findings");
  return done;
}

/** Sends what was drawn by hand; points are [row, column] in pixels of the image. */
export function drawn(tool, points) {
  const finding = drawnOn();
  if (!finding || !points.length) return;
  const every = Math.ceil(points.length / MOST_POINTS);
  correct(finding, HAND[tool](points.filter((_, i) => i % every === 0), brush()));
}

/** Saves what was said and done, or the accepted mask with its image and manifest. Both hold the sentence. */
async function download(finding, path, ending) {
  const frame = state.image.frames > 1 ? finding.frame : null;
  try {
    await save(`v1/results/${finding.corrections.of}/${path}`, nameOfSaved(finding.number, frame, ending));
  } catch (error) {
    alertUser(error.message);
  }
}

/** The part of a finding's row that corrects it: {element, update, open}. `finding` gives the row's finding. */
export function correctionsOf(finding) {
  const line = make("input", {
    type: "text",
    className: "correction",
    "aria-label": "What is to be changed",
    placeholder: "a bit more generous; drop the left one; undo",
    maxLength: 500,
    autocomplete: "off",
  });
  const step = (name, label) =>
    make("button", { type: "button", className: "quiet", onclick: () => correct(finding(), { step: name }) }, label);
  const [undo, redo, accept] = [step("undo", "Undo"), step("redo", "Redo"), step("accept", "Accept")];
  const kept = (ending, label, path) =>
    make("button", { type: "button", className: "quiet", onclick: () => download(finding(), path, ending) }, label);
  const record = kept("corrections.json", "Save what was said", "corrections");
  const training = kept("case.zip", "Save as a training case", "corrections/case");
  const echo = make("p", { className: "told", hidden: true });
  const history = make("ol", { className: "history", "aria-label": "Corrections so far" });
  const element = make(
    "form",
    {
      className: "correct",
      hidden: true,
      onsubmit: async (event) => {
        event.preventDefault();
        const said = line.value.trim();
        if (!said) return;
        line.value = ""; // Enter once more does not say it twice
        if (!(await correct(finding(), { say: said })) && !line.value) line.value = said;
      },
    },
    make("p", { className: "row" }, line, make("button", { className: "button" }, "Correct")),
    echo,
    history,
    make("p", { className: "row" }, undo, redo, accept, record, training),
  );
  line.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());
  const update = () => {
    const told = finding().corrections;
    element.hidden ||= !correctable(finding());
    echo.hidden = !told?.echo;
    echo.textContent = told?.echo ?? "";
    history.replaceChildren(...(told?.history ?? []).map((each) => make("li", {}, each)));
    undo.hidden = !told?.history.length;
    redo.hidden = !told?.undone;
    accept.hidden = Boolean(told?.accepted);
    record.hidden = !told;
    training.hidden = !told?.accepted;
  };
  const open = () => {
    element.hidden = !element.hidden;
    if (!element.hidden) line.focus();
    return !element.hidden;
  };
  return { element, update, open };
}
