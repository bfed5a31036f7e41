// The list: one row a finding, with its colour, answer and tools. Rows are kept and brought up to date, never made anew,
// so that the focus stays where it is.

import { save } from "./api.js";
import { cancel, tell } from "./answers.js";
import { ask, askAgain, askForPatient, askIn } from "./ask.js";
import { compareWith } from "./compare.js";
import { correctable, correctionsOf } from "./correct.js";
import { $, icon, make, swapIcon } from "./dom.js";
import { asksAbout } from "./found.js";
import { alertUser, say } from "./messages.js";
import { nameOfSaved } from "./names.js";
import { goTo } from "./slices.js";
import { answered, changed, isVolume, listed, on, state } from "./state.js";
import { anywayWords, areaWords, percent, presenceWords, timeLeft } from "./words.js";

const SAVES = [
  ["mask", "Mask", "mask.png"],
  ["overlay", "Overlay", "overlay.png"],
  ["nifti", "NIfTI", "mask.nii.gz"],
  ["seg", "DICOM SEG", "seg.dcm"],
  ["json", "JSON", "result.json"],
];
// the file does not say which side is which, and an R or L in the picture itself is not read
const WHOSE = "Left and right were taken as those of the picture. If it shows an R or L, or a patient face to face:";
const rows = new Map(); // key -> row

function makeRow(finding) {
  const tool = (name, label, act) =>
    make("button", { type: "button", className: "quiet", onclick: act }, icon(name), label);
  const row = {
    finding,
    swatch: make("input", { type: "color", value: finding.colour, title: "Colour" }),
    number: make("span", { "aria-hidden": "true" }),
    words: make("button", {
      type: "button",
      className: "words",
      title: "Show this one",
      onclick: () => choose(row.finding),
    }),
    eye: make(
      "button",
      { type: "button", className: "quiet square eye", onclick: () => look(row.finding) },
      icon("eye"),
    ),
    answer: make("p", { className: "answer" }),
    bar: make("progress", { max: 1, hidden: true }),
    warning: make("ul", { className: "warning", hidden: true }),
    whose: make("p", { className: "whose", hidden: true }, WHOSE, " ", make(
      "button",
      { type: "button", className: "link", onclick: () => (row.words.focus(), askForPatient()) },
      "Take them as the patient’s",
    )),
    tongue: make("button", {
      type: "button",
      className: "link tongue",
      onclick: () => (row.words.focus(), askIn(row.finding, row.tongue.value)),
    }),
    edit: tool("edit", "Edit", () => rephrase(row)),
    compare: tool("split", "Before", () => compareWith(row.finding)),
    correct: tool("edit", "Correct", () => openCorrections(row)),
    corrections: correctionsOf(() => row.finding),
    save: tool("save", "Save", () => toggleSaves(row)),
    again: make("button", { type: "button", className: "quiet", onclick: () => askAgain(row.finding) }, "Ask again"),
    anyway: make("button", { type: "button", className: "quiet", onclick: () => lookAnyway(row) }, "Look anyway"),
    stop: make(
      "button",
      { type: "button", className: "quiet", onclick: () => cancel(row.finding) },
      icon("close"),
      "Cancel",
    ),
    remove: tool("bin", "Remove", () => remove(row.finding)),
    saves: make("div", { className: "saves", role: "group", hidden: true }),
    form: makeForm(() => row),
  };
  row.badge = make("span", { className: "badge" }, row.number, row.swatch);
  row.swatch.addEventListener("input", () => {
    row.finding.colour = row.swatch.value;
    changed("findings");
  });
  row.save.setAttribute("aria-expanded", "false");
  row.correct.setAttribute("aria-expanded", "false");
  const buttons = [row.edit, row.correct, row.compare, row.save, row.again, row.anyway, row.stop, row.remove];
  const tools = make("div", { className: "tools" }, ...buttons);
  row.item = make(
    "li",
    { className: "finding" },
    row.badge,
    row.words,
    row.eye,
    row.answer,
    row.bar,
    row.warning,
    row.tongue,
    row.whose,
    row.form,
    tools,
    row.corrections.element,
    row.saves,
  );
  row.bar.style.gridColumn = "2 / span 2";
  return row;
}

function makeForm(row) {
  const words = make("textarea", { rows: 2, "aria-label": "Other words", spellcheck: true });
  const close = () => {
    form.hidden = true;
    row().edit.focus();
  };
  const submit = () => {
    const sentence = words.value.trim();
    if (!sentence) return;
    const { finding } = row();
    form.hidden = true;
    const [next] = ask([sentence], { frame: finding.frame, frames: finding.frames, before: finding });
    rows.get(next.key).words.focus(); // its row has taken the place of this one
    if (answered(finding)) compareWith(next);
  };
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  });
  const form = make(
    "form",
    {
      className: "rephrase",
      hidden: true,
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    words,
    make(
      "p",
      { className: "row" },
      make("button", { className: "button primary" }, "Ask, and compare"),
      make("button", { type: "button", className: "button", onclick: close }, "Leave it"),
    ),
  );
  form.words = words;
  return form;
}

function update(row) {
  const { finding } = row;
  const { number, status, result } = finding;
  const done = answered(finding);
  const coloured = ["found", "pending"].includes(status);
  const name = `finding ${number}`;
  row.item.classList.toggle("chosen", finding.key === state.chosen);
  row.item.dataset.state = status;
  if (row.swatch.value !== finding.colour) row.swatch.value = finding.colour;
  row.number.textContent = number;
  row.badge.style.background = coloured ? finding.colour : "";
  row.badge.style.color = coloured ? inkOn(finding.colour) : "";
  row.words.replaceChildren(make("span", { className: "hidden" }, `Finding ${number}: `), finding.sentence);
  if (isVolume()) row.words.append(" ", make("i", {}, placeOf(finding)));
  row.swatch.setAttribute("aria-label", `Colour of ${name}`);
  for (const [part, verb] of [
    ["edit", "Edit"],
    ["correct", "Correct"],
    ["compare", "Compare with the words before:"],
    ["save", "Save"],
    ["again", "Ask again:"],
    ["anyway", "Look anyway:"],
    ["stop", "Cancel"],
    ["remove", "Remove"],
  ]) {
    row[part].setAttribute("aria-label", `${verb} ${name}`);
  }
  row.eye.setAttribute("aria-label", `Show ${name}`);
  row.eye.setAttribute("aria-pressed", String(finding.visible));
  swapIcon(row.eye, finding.visible ? "eye" : "eye-off");
  row.eye.hidden = status !== "found";
  row.swatch.hidden = !coloured;
  row.answer.replaceChildren(...answerOf(finding));
  row.bar.hidden = !finding.job;
  if (finding.job) {
    row.bar.setAttribute("aria-label", `Progress of ${name}`);
    if (finding.job.state === "running") row.bar.value = finding.job.done / Math.max(1, finding.job.total);
    else row.bar.removeAttribute("value");
  }
  const warnings = [anywayWords(result).trim(), ...(result?.warnings ?? [])].filter(Boolean);
  row.warning.hidden = !warnings.length;
  row.warning.replaceChildren(...warnings.map((each) => make("li", {}, each)));
  const language = done && languageTold(finding);
  row.tongue.hidden = !language;
  if (language) Object.assign(row.tongue, { value: language.code, textContent: `Ask in ${language.name}` });
  row.whose.hidden = !(done && finding.sideTaken);
  row.edit.hidden = row.save.hidden = !done;
  row.correct.hidden = !correctable(finding);
  row.corrections.update();
  row.save.hidden ||= status === "negated" && !result.links;
  row.anyway.hidden = status !== "not in scope";
  row.compare.hidden = !(done && finding.before);
  row.again.hidden = status !== "failed" || finding.reading;
  row.stop.hidden = !finding.job;
  row.remove.hidden = Boolean(finding.job);
}

/** The language that a doubt takes the words for, of those that are read here: {code, name}. */
function languageTold({ language, result }) {
  const code = (result.warnings ?? []).map((each) => each.match(/say so: language '(\w+)'/)?.[1]).find(Boolean);
  return code !== language && state.capabilities?.languages?.find((each) => each.code === code);
}

/** Black or white, whichever is better read on a colour. */
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

function placeOf(finding) {
  return finding.frames ? `slices ${finding.frames[0] + 1}–${finding.frames[1] + 1}` : `slice ${finding.frame + 1}`;
}

/** The line below the words: the state in words, never by colour alone. */
function answerOf(finding) {
  const { status, result, job } = finding;
  if (status === "pending") {
    const told = job?.lost
      ? "The server does not answer; asking again…"
      : job?.state === "running"
        ? `Slice ${job.done} of ${job.total}${timeLeft(job.seconds_left)}`
        : job
          ? "Waiting for its turn…"
          : finding.reading
            ? "Reading…"
            : "Looking…";
    return [make("span", { className: "pulse" }), told];
  }
  if (status === "failed")
    return [
      make("b", { className: "failed" }, finding.cancelled ? "Cancelled" : "No answer"),
      finding.cancelled ? "" : `: ${finding.error}`,
    ];
  if (status === "negated") return [make("b", {}, "Negated"), ": the words say that it is not there"];
  if (status === "not in scope") return [make("b", {}, "Not in scope"), `: ${result.explanation}`];
  const presence = presenceWords(result);
  if (status === "not found") return [make("b", {}, "Not found"), presence ? `: ${presence}` : ""];
  const share = result.frames_found ? "" : ` · ${percent(result.area.fraction)}`;
  const there = result.frames_found ? ` · in ${result.frames_found.length} slices` : "";
  const sure =
    result.presence === null || result.presence === undefined ? "" : ` · presence ${result.presence.toFixed(2)}`;
  return [make("b", { className: "found" }, "Found"), ` ${areaWords(result)}${share}${there}${sure}`];
}

function choose(finding) {
  state.chosen = finding.key;
  const there = finding.result?.frames_found;
  if (!finding.frames) goTo(finding.frame);
  else if (there?.length && !there.includes(state.frame)) goTo(finding.result.largest.frame);
  else if (!asksAbout(finding, state.frame)) goTo(finding.frames[0]);
  changed("findings");
  say(tell(finding));
}

function look(finding) {
  finding.visible = !finding.visible;
  changed("findings");
  say(`Finding ${finding.number} is ${finding.visible ? "shown" : "hidden"}.`);
}

function remove(finding) {
  const items = listed();
  const next = items[items.indexOf(finding) + 1] ?? items[items.indexOf(finding) - 1];
  state.findings = state.findings.filter((other) => other !== finding);
  if (state.compare && Object.values(state.compare).includes(finding.key)) state.compare = null;
  changed("findings", "compare");
  (next ? rows.get(next.key).words : $("sentence")).focus();
  say(`Finding ${finding.number} was removed.`);
}

/** Asks once more, also where it is not in scope; the focus goes to the sentence, as the button goes. */
function lookAnyway(row) {
  row.words.focus();
  say(`Finding ${row.finding.number}: looking anyway…`);
  askAgain(row.finding, { anyway: true });
}

function rephrase({ form, finding }) {
  form.hidden = false;
  form.words.value = finding.sentence;
  form.words.focus();
  form.words.select();
}

function openCorrections(row) {
  state.chosen = row.finding.key; // what the brush draws on
  row.correct.setAttribute("aria-expanded", String(row.corrections.open()));
  changed("findings");
}

function toggleSaves(row) {
  const { finding, saves } = row;
  saves.hidden = !saves.hidden;
  row.save.setAttribute("aria-expanded", String(!saves.hidden));
  saves.setAttribute("aria-label", `Save finding ${finding.number} as`);
  const links = finding.result.links ?? {};
  saves.replaceChildren(
    ...SAVES.filter(([kind]) => links[kind]).map(([kind, label, ending]) => {
      const ofFrame = isVolume() && finding.frames && ["mask", "overlay"].includes(kind);
      const at = ofFrame ? `?frame=${state.frame}` : "";
      const frame = ofFrame ? state.frame : isVolume() && !finding.frames ? finding.frame : null;
      return make(
        "button",
        {
          type: "button",
          className: "button",
          onclick: () => download(links[kind] + at, nameOfSaved(finding.number, frame, ending)),
        },
        label,
      );
    }),
  );
}

async function download(path, name) {
  try {
    await save(path, name);
    say(`${name} was saved.`);
  } catch (error) {
    alertUser(`${name} was not saved. ${error.message}`);
  }
}

function show() {
  const items = listed();
  const last = items.filter((finding) => !rows.has(finding.key)).at(-1);
  for (const finding of items) {
    if (!rows.has(finding.key)) rows.set(finding.key, makeRow(finding));
    update(rows.get(finding.key));
  }
  for (const key of rows.keys()) if (!items.some((finding) => finding.key === key)) rows.delete(key);
  const wanted = items.map((finding) => rows.get(finding.key).item);
  const list = $("findings");
  for (const item of [...list.children]) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, i) => list.children[i] !== item && list.insertBefore(item, list.children[i] ?? null));
  if (last) reveal(list, rows.get(last.key).item);
  const found = items.filter((finding) => finding.status === "found").length;
  $("count").textContent = items.length ? `${found} of ${items.length} found` : "";
  $("none").hidden = items.length > 0;
  $("clear").hidden = items.length < 2;
}

/** Scrolls the list, and nothing around it, until a row is seen. */
function reveal(list, item) {
  const top = item.offsetTop - list.offsetTop;
  const bottom = top + item.offsetHeight;
  if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  else if (top < list.scrollTop) list.scrollTop = top;
}

$("clear").addEventListener("click", () => {
  for (const finding of state.findings) cancel(finding);
  Object.assign(state, { findings: [], compare: null });
  changed("findings", "compare");
  say("All findings were removed.");
  $("sentence").focus();
});
on("findings", show);
on("frame", () => rows.forEach((row) => !row.saves.hidden && (toggleSaves(row), toggleSaves(row))));
