// The form: a sentence, several, or a report; where to look; whose left is "left".

import { mayPass, request } from "./api.js";
import { $, make } from "./dom.js";
import { alertUser, hush, say } from "./messages.js";
import { answer, fail, follow } from "./answers.js";
import { answered, changed, isVolume, lateralityToSend, listed, newFinding, newKey, on, sideTakenIn, state } from "./state.js";

const REPORT_HINT =
  "Paste a report: each finding it names gets a mask of its own. Sections like HISTORY are passed over.";
const SENTENCE_HINT = $("sentence-hint").textContent;
const kept = { sentence: "", report: "" }; // what is written under the tab that is not shown
let ownThreshold = true;
let lastAsked = ""; // comes back by the arrow key up

const mode = () => ($("tab-report").getAttribute("aria-selected") === "true" ? "report" : "sentence");

/** Asks sentences about the shown slice, or about `frames`; each is listed at once, as being looked for. */
export function ask(
  sentences,
  { frame = state.frame, frames = null, before = null, anyway = false, language = $("language").value } = {},
) {
  const findings = [];
  for (const sentence of sentences) {
    const finding = newFinding(sentence, { frame, frames, before, anyway, language });
    if (before) {
      before.replaced = true;
      state.findings.splice(state.findings.indexOf(before), 0, finding);
    } else state.findings.push(finding);
    findings.push(finding);
  }
  say(sentences.length > 1 ? `Looking for ${sentences.length} sentences…` : `Looking for “${sentences[0]}”…`);
  changed("findings");
  send({ sentences }, findings);
  return findings;
}

/** Takes "left" as the user says; what was asked before stays as it was answered. */
function takeSide(side) {
  Object.assign(state, { side, sideSaid: true });
  for (const finding of state.findings) finding.sideTaken = false;
  changed("side", "findings");
}

/** Asks once more, with the patient's left, what was answered with the left of the picture taken for granted. */
export function askForPatient() {
  const asked = listed().filter((finding) => finding.sideTaken && answered(finding));
  takeSide("patient");
  for (const finding of asked) askAgain(finding);
}

/** Sends a finding again: one that failed or, `anyway`, one that is not in scope. */
export function askAgain(finding, { anyway = finding.anyway } = {}) {
  const same = finding.status === "failed" && finding.unheard && anyway === finding.anyway;
  // what was corrected is the answer before
  Object.assign(finding, { status: "pending", error: null, anyway, unwanted: false, corrections: null });
  if (!same) finding.asked = newKey();
  changed("findings");
  send({ sentences: [finding.sentence] }, [finding]);
}

/** Asks once more, read in another language. */
export function askIn(finding, language) {
  Object.assign(finding, { language, sideTaken: sideTakenIn(finding.sentence, language) });
  askAgain(finding);
}

async function send(words, findings) {
  const image = state.image;
  const { frame, frames, anyway, language } = findings[0];
  const body = { ...words, laterality: lateralityToSend(), description: $("description").checked };
  if (frames) Object.assign(body, { frames, key: findings[0].asked }); // asked again, it is no second job
  else body.frame = frame;
  if ($("as-shown").checked && !image.color) body.window = { ...state.window };
  if (anyway) body.anyway = true;
  if (language !== "en") body.language = language;
  if (!ownThreshold) body.threshold = $("threshold").valueAsNumber / 100;
  try {
    const response = await request("POST", `v1/images/${image.id}/segment`, { json: body, again: Boolean(frames) });
    const told = await response.json();
    if (image !== state.image) return;
    if (response.status === 202) follow(told, findings, words.report);
    else answer(told.results, findings, words.report);
  } catch (error) {
    for (const finding of findings) finding.unheard = mayPass(error); // the job may be there, and at work
    if (image === state.image) fail(findings, error);
  }
}

function submit() {
  const text = $("sentence").value;
  if (!state.image) return alertUser("Open an image first.");
  if (!text.trim()) {
    say("Write what should be found.");
    return $("sentence").focus();
  }
  hush();
  unfold("examples", false);
  const frames = scope();
  if (frames === undefined) return;
  if (mode() === "report") {
    const finding = newFinding("the report", { frames, language: $("language").value });
    finding.reading = true;
    state.findings.push(finding);
    say("Reading the report…");
    changed("findings");
    return send({ report: text }, [finding]);
  }
  ask(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
    { frames },
  );
  [lastAsked, $("sentence").value] = [text, ""];
}

/** The slices asked about, [first, last] from 0; null for the one shown; undefined where that makes no sense. */
function scope() {
  const which = document.querySelector("[name=scope]:checked").value;
  if (!isVolume() || which === "one") return null;
  if (which === "all") return [0, state.image.frames - 1];
  const [first, last] = ["first", "last"].map((id) => $(id).valueAsNumber);
  if (first >= 1 && first <= last && last <= state.image.frames) return [first - 1, last - 1];
  alertUser(`Slices run from 1 to ${state.image.frames}; the first comes before the last.`);
  $("first").focus();
  return undefined;
}

function choose(tab) {
  const other = tab === "report" ? "sentence" : "report";
  kept[mode()] = $("sentence").value;
  for (const name of [tab, other]) {
    $(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
    $(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
  }
  $("panel-words").setAttribute("aria-labelledby", `tab-${tab}`);
  const report = tab === "report";
  Object.assign($("sentence"), {
    value: kept[tab],
    rows: report ? 7 : 2,
    placeholder: report ? "FINDINGS: …" : "opacity in the left lower zone",
  });
  $("sentence-label").textContent = report ? "The report’s text" : "What should be found?";
  $("sentence-hint").textContent = report ? REPORT_HINT : SENTENCE_HINT;
  $("show-examples").hidden = report;
  unfold("examples", !report && !state.findings.length);
  $("send").textContent = report ? "Find all it names" : "Find it";
}

function showSides() {
  const { image, side } = state;
  for (const radio of document.querySelectorAll("[name=laterality]")) radio.checked = radio.value === side;
  const where = image?.patient_left;
  $("sides").hidden = !image;
  $("sides-note").textContent = where
    ? `By the file’s header the patient’s left is at the ${where} of this picture.`
    : side === "patient"
      ? "Taken as seen face to face: the patient’s left at the right of the picture. The file does not say it."
      : image
        ? "The file does not say which side is which."
        : "";
}

function showImage() {
  $("scope").hidden = !isVolume();
  if (!isVolume()) return;
  Object.assign($("first"), { max: state.image.frames, value: 1 });
  Object.assign($("last"), { max: state.image.frames, value: state.image.frames });
}

/** Offers the languages that the server reads, and its examples. */
export function offer({ examples = [], languages = [] }) {
  $("language").replaceChildren(
    ...languages.map(({ code, name }) => make("option", { value: code, selected: code === "en" }, name)),
  );
  $("examples").replaceChildren(
    ...examples.slice(0, 4).map((example) =>
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            $("sentence").value = example;
            $("language").value = "en"; // as the examples are
            $("sentence").focus();
          },
        },
        example,
      ),
    ),
  );
}

function showThreshold(own) {
  ownThreshold = own;
  $("threshold-own").hidden = own;
  if (own) $("threshold").value = 100 * (state.capabilities?.models[0].threshold ?? 0.5);
  $("threshold-text").textContent = own ? "model’s own" : ($("threshold").valueAsNumber / 100).toFixed(2);
}

/** Opens or closes what a button stands for. */
function unfold(id, open = $(id).hidden) {
  $(id).hidden = !open;
  $(`show-${id}`).setAttribute("aria-expanded", String(open));
}

for (const id of ["examples", "options"]) $(`show-${id}`).addEventListener("click", () => unfold(id));
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
$("sentence").addEventListener("keydown", (event) => {
  if (event.key === "ArrowUp" && !$("sentence").value && mode() === "sentence") {
    event.preventDefault();
    $("sentence").value = lastAsked;
    return;
  }
  if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
  if (mode() === "report" && !event.ctrlKey && !event.metaKey) return; // a report has lines
  event.preventDefault();
  submit();
});
for (const tab of ["sentence", "report"]) {
  $(`tab-${tab}`).addEventListener("click", () => choose(tab));
  $(`tab-${tab}`).addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const next =
      event.key === "Home" ? "sentence" : event.key === "End" ? "report" : tab === "report" ? "sentence" : "report";
    choose(next);
    $(`tab-${next}`).focus();
  });
}
$("scope").addEventListener(
  "change",
  () => ($("range").hidden = document.querySelector("[name=scope]:checked").value !== "range"),
);
$("sides").addEventListener("change", (event) => {
  takeSide(event.target.value);
});
$("threshold").addEventListener("input", () => showThreshold(false));
$("threshold-own").addEventListener("click", () => showThreshold(true));
on("image side", showSides);
on("image", showImage);
on("image", () => showThreshold(ownThreshold));
