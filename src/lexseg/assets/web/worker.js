// What works beside the page: opens images, keeps them, and answers sentences about them.

import { isDicom, readDicom } from "./dicom.js";
import { measured } from "./measure.js";
import { Model } from "./model.js";
import { isPicture, readPicture } from "./pictures.js";
import { Refused } from "./refused.js";
import { between, shaded, windowOf } from "./shade.js";
import {
  CLEARLY_NEARER,
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
      if (!response.ok) throw new Refused("rules.json is missing; copy the folder again");
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
    const blank = planes.every((plane) => plane.every((value) => value === plane[0]));
    const answering = await model();
    const several = image.patient_left === null && hasPanels(planes, [image.height, image.width]);
    image.looked = { key, blank, several, ...(await lookedAt(answering, planes, [image.height, image.width])) };
  }
  return image.looked;
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
      world: seen.known?.world ?? null,
      judges_words: answering.scope?.judgesWords ?? false,
    });
    const finding = found && { start, end, negated };
    results.push({ number: i + 1, finding, ...(await answered(answering, image, seen, heard, anyway)) });
  }
  return results;
}

async function answered(answering, image, seen, heard, anyway) {
  const words = await answering.knownWords(heard);
  const decided = answering.ask("decide", {
    image: seen.known,
    words,
    blank: seen.blank,
    anyway,
    heard,
  });
  const { height, width } = image;
  let said = { where: null, presence: null };
  if (decided.settled === null) {
    const size = seen.tidy?.size ?? [height, width];
    said = await answering.answer(seen.features, decided.asked, size, decided.names_place);
    if (seen.tidy) said.where = whole(said.where, seen.tidy, [height, width]);
  }
  const highest = said.where ? highestOf(said.where) : 0;
  const looks = { tidied: !!seen.tidy, inverted: !!seen.inverted, turned: !!seen.turned, several: seen.several };
  const told = answering.ask("tell", { heard, decided, anyway, presence: said.presence, highest, ...looks });
  const mask = new Uint8Array(width * height);
  const least = heard.threshold;
  if (told.found) for (let i = 0; i < mask.length; i++) mask[i] = said.where[i] >= least ? 1 : 0;
  return { told: { ...told, ...measured(mask, height, width, image.spacing) }, mask, width, height };
}

/** Of a part of an image, of all of it: nothing lies outside. */
function whole(part, { top, left, size: [h, w] }, [height, width]) {
  const all = new Float32Array(height * width);
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
    const mendable = error instanceof Refused;
    if (!mendable) console.error(error);
    postMessage({ number, refused: mendable ? error.message : `a fault of this page (${error?.message ?? error})` });
  }
});
model().catch(() => {}); // who asks is told
