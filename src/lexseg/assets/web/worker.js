// What works beside the page: opens images, keeps them, and answers sentences about them.

import { isDicom, readDicom } from "./dicom.js";
import { measured } from "./measure.js";
import { Model } from "./model.js";
import { isPicture, readPicture } from "./pictures.js";
import { isSent, Lacking, Refused } from "./refused.js";
import { between, shaded, windowOf } from "./shade.js";
import {
  boxesOf,
  CLEARLY_NEARER,
  cutOut,
  DOUBTFUL,
  hasPanels,
  highestOf,
  isGrey,
  mayBeTidied,
  quarterTurned,
  tidied,
  toInput,
} from "./stretch.js";

const images = new Map();
let loading = null; // the model

/** The model; loaded once, while the user still chooses an image. */
async function model() {
  loading ??= fetch(new URL("rules.json", import.meta.url))
    .then((response) => {
      if (!response.ok) throw new Lacking("rules.json is missing; copy the folder again");
      return response.json();
    })
    .then(Model.load);
  return loading;
}

async function open({ bytes: buffer, spacing }) {
  const bytes = new Uint8Array(buffer);
  if (!bytes.length) throw new Refused("the file is empty");
  const dicom = isDicom(bytes);
  if (!dicom && !isPicture(bytes)) {
    throw new Refused("not an image that this page opens: it reads PNG, JPEG and DICOM of one image");
  }
  const read = dicom ? await readDicom(bytes) : await readPicture(bytes);
  const id = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const image = {
    id,
    format: dicom ? "dicom" : "image",
    modality: null,
    patient_left: null,
    inverted: false,
    padding: null,
    ...read,
    spacing: spacing ?? read.spacing ?? null,
    looked: null,
  };
  image.windows = dicom ? image.windows : [between(0, 1, "as stored")];
  const note = image.modality && (await model()).ask("note", { modality: image.modality });
  if (note) image.notes.push(note);
  images.set(id, image);
  inTurn(() => looked(image)).catch(() => {}); // while the user writes; who asks is told what is wrong
  return described(image, await sha256(bytes));
}

async function described(image, digest) {
  const { id, width, height, color, format, modality, spacing, patient_left, inverted, notes, values } = image;
  const windows = color ? [] : image.windows.map(({ name, width, level, kind }) => ({ name, width, level, kind }));
  let [low, high] = color ? [0, 255] : [Infinity, -Infinity];
  if (!color) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return {
    id,
    sha256: digest,
    frames: 1,
    height,
    width,
    color,
    format,
    modality,
    spacing,
    thickness: null,
    patient_left,
    laterality: patient_left && (patient_left === "right" ? "patient" : "image"),
    inverted,
    window: windows[0] ?? null,
    windows,
    range: low <= high ? [low, high] : [0, 0],
    notes,
    jobs: [],
  };
}

async function sha256(bytes) {
  // pages that were not sent by https, and not by this computer, have no such tool of the browser's
  if (!crypto.subtle) return (await model()).digest(bytes);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The image as the model sees it, planes in 0..1, and whether all its pixels are equal. */
function shown({ values, color, width, height, windows, inverted, padding }, window) {
  const size = width * height;
  if (color) {
    return [0, 1, 2].map((c) => Float32Array.from({ length: size }, (_, i) => values[3 * i + c] / 255));
  }
  const plane = shaded(values, window ? windowOf(window.width, window.level) : windows[0]);
  if (inverted) for (let i = 0; i < size; i++) plane[i] = 1 - plane[i];
  if (padding) for (let i = 0; i < size; i++) if (padding[i]) plane[i] = 0;
  return [plane];
}

/** Of an image in a window: what the words do not touch, where it lies, and whether it is blank. */
async function looked(image, window) {
  const key = JSON.stringify(window ?? null);
  if (image.looked?.key !== key) {
    const planes = shown(image, window);
    const [answering, size] = [await model(), [image.height, image.width]];
    const several = image.patient_left === null && hasPanels(planes, size);
    const panels = several ? await cut(answering, planes, size) : [];
    const seen = panels.length ? {} : await lookedAt(answering, planes, size);
    image.looked = { key, blank: isBlank(planes), several, panels, ...seen };
  }
  return image.looked;
}

const isBlank = (planes) => planes.every((plane) => plane.every((value) => value === plane[0]));

const NEARER = 0.95;

/** The pictures of an image, each looked at, where it is to be cut; else none: lexseg.predict.panels.cut. */
async function cut(answering, planes, size) {
  const whole = (await answering.look(toInput(planes, size, answering.about.size))).known;
  const boxes = whole ? boxesOf(planes, size) : [];
  if (boxes.length < 2) return [];
  const panels = [];
  for (const box of boxes) {
    const part = cutOut(planes, size[1], box);
    panels.push({ box, blank: isBlank(part), ...(await lookedAt(answering, part, box.size)) });
  }
  const near = panels.filter(({ known }) => known.known).map(({ known }) => known.distance);
  return near.length && Math.min(...near) <= NEARER * whole.distance ? panels : [];
}

/** The world of an image, or of all its known pictures; null where that is unknown, or they are of several. */
function worldOf({ known, panels }) {
  if (!panels.length) return known?.world ?? null;
  const worlds = new Set(panels.map((panel) => panel.known.world).filter((world) => world !== null));
  return worlds.size === 1 ? [...worlds][0] : null;
}

/**
 * As lexseg.predict.network.Network.look_at: what is unknown also without frame and tint, what is far from all known also
 * as a negative.
 */
async function lookedAt(answering, planes, size) {
  const own = answering.about.size;
  let input = toInput(planes, size, own);
  let seen = { ...(await answering.look(input)), tidy: null, inverted: false };
  if (!seen.known) return seen;
  const tidy = !seen.known.known && mayBeTidied(planes, size) ? tidied(planes, size) : null;
  if (tidy) {
    const without = toInput(tidy.planes, tidy.size, own);
    const second = await answering.look(without);
    if (second.known.known) [seen, input] = [{ ...second, tidy, inverted: false }, without];
  }
  if (seen.known.distance > DOUBTFUL && isGrey(input)) {
    const negative = input.map((value) => 1 - value);
    const second = await answering.look(negative);
    const nearer = second.known.known && second.known.distance < CLEARLY_NEARER * seen.known.distance;
    if (nearer) [seen, input] = [{ ...second, tidy: seen.tidy, inverted: true }, negative];
  }
  return { ...seen, turned: await looksTurned(answering, input, seen.known.distance) };
}

/** Whether an input far from all that is known would lie clearly nearer upright. */
async function looksTurned(answering, input, distance) {
  const [height, width] = answering.about.size;
  if (distance <= DOUBTFUL || height !== width) return false;
  let [turned, nearest] = [input, { known: false, distance: Infinity }];
  for (let quarters = 1; quarters <= 3; quarters++) {
    turned = quarterTurned(turned, width);
    const { known } = await answering.look(turned);
    if (known.distance < nearest.distance) nearest = known;
  }
  return nearest.known && nearest.distance < CLEARLY_NEARER * distance;
}

async function segment({ image: id, asked }) {
  const image = images.get(id);
  const answering = await model();
  const { laterality = null, language = null, threshold = null, anyway = false } = asked;
  const found = asked.report === undefined ? null : answering.ask("read", { report: asked.report, language });
  const sentences = found ?? asked.sentences.map((text) => ({ text, negated: false }));
  const seen = await looked(image, asked.window);
  const results = [];
  for (const [i, { text, negated, start, end }] of sentences.entries()) {
    const heard = answering.ask("hear", {
      sentence: text,
      denied: negated,
      laterality,
      language,
      threshold,
      patient_left: image.patient_left,
      headed: image.format !== "image",
      world: worldOf(seen),
      judges_words: answering.scope?.judgesWords ?? false,
    });
    const finding = found && { start, end, negated };
    results.push({ number: i + 1, finding, ...(await answered(answering, image, seen, heard, anyway)) });
  }
  return results;
}

async function answered(answering, image, seen, heard, anyway) {
  const words = await answering.knownWords(heard);
  const decide = ({ known, blank }) => answering.ask("decide", { image: known, words, blank, anyway, heard });
  const { height, width } = image;
  const { told, where } = seen.panels.length
    ? await ofPanels(answering, image, seen.panels, seen.panels.map(decide), heard, anyway)
    : await ofOne(answering, [height, width], seen, decide(seen), heard, anyway);
  const mask = new Uint8Array(width * height);
  const least = heard.threshold;
  if (told.found) for (let i = 0; i < mask.length; i++) mask[i] = where[i] >= least ? 1 : 0;
  return { told: { ...told, ...measured(mask, height, width, image.spacing) }, mask, width, height };
}

/** What is told of one picture, and the probability of each of its pixels, where it was asked. */
async function ofOne(answering, own, seen, decided, heard, anyway) {
  let said = { where: null, presence: null };
  if (decided.settled === null) {
    said = await answering.answer(seen.features, decided.asked, seen.tidy?.size ?? own, decided.names_place);
    if (seen.tidy) said.where = placed(new Float32Array(own[0] * own[1]), said.where, seen.tidy, own[1]);
  }
  const highest = said.where ? highestOf(said.where) : 0;
  const looks = { ...NO_LOOKS, tidied: !!seen.tidy, inverted: !!seen.inverted, turned: !!seen.turned };
  looks.several = !!seen.several;
  const told = answering.ask("tell", { heard, decided, anyway, presence: said.presence, highest, ...looks });
  return { told, where: said.where };
}

const NO_LOOKS = { tidied: false, inverted: false, turned: false, several: false, cut: false };

/** What is told of an image that was cut: lexseg.predict.panels.joined. */
async function ofPanels(answering, { height, width }, panels, each, heard, anyway) {
  const inScope = each.filter(({ outside }) => outside === null);
  const decided = inScope[0] ?? each.find(({ outside }) => outside.reason !== "image") ?? each[0];
  const looks = { ...NO_LOOKS, cut: true };
  const whole = answering.ask("tell", { heard, decided, anyway, presence: null, highest: 0, ...looks });
  if (decided.settled !== null) return { told: whole, where: null };
  const said = [];
  for (const [i, panel] of panels.entries()) {
    const asked = !inScope.length || each[i].outside === null;
    said.push(asked ? await ofOne(answering, panel.box.size, panel, each[i], heard, anyway) : null);
  }
  const told = answering.ask("join", { whole, panels: said.map((one) => one?.told ?? null) });
  const where = new Float32Array(height * width);
  said.forEach((one, i) => {
    if (one && (one.told.found || !told.found)) placed(where, one.where, panels[i].box, width);
  });
  return { told, where };
}

/** The values of a part of an image, put where it lies. */
function placed(all, part, { top, left, size: [h, w] }, width) {
  for (let y = 0; y < h; y++) all.set(part.subarray(y * w, (y + 1) * w), (top + y) * width + left);
  return all;
}

let turn = Promise.resolve();

/** One after the other: a graph answers one question at a time. */
function inTurn(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

const does = {
  open,
  segment: (asked) => inTurn(() => segment(asked)),
  values: ({ image }) => images.get(image).values.slice().buffer,
  close: ({ image }) => images.delete(image),
};

addEventListener("message", async ({ data: { number, what, ...asked } }) => {
  try {
    postMessage({ number, said: await does[what](asked) });
  } catch (error) {
    if ((error instanceof Lacking || !(error instanceof Refused)) && !(await isSent())) {
      const gone = "the server that sends this page is not reached: once it is, load the page anew";
      return postMessage({ number, refused: gone });
    }
    const mendable = error instanceof Refused;
    if (!mendable) console.error(error);
    postMessage({ number, refused: mendable ? error.message : `a fault of this page (${error?.message ?? error})` });
  }
});
model().catch(() => {}); // who asks is told
