// What a DICOM header says of an image's windows, pixel size and sides.

import { automatic, between, sigmoidWindow, statedWindow, usualWindows, windowOf } from "./shade.js";

const LATERAL_VIEWS = ["LL", "RL", "LAT", "LATERAL", "ML", "LM", "MLO", "LMO"];
const FRONTAL_VIEWS = ["PA", "AP", "APAX", "AP AXIAL", "PA AXIAL", "AP_SUPINE", "AP SUPINE", "AP ERECT", "PA ERECT"];
const LATERAL_CODES = [
  "399067008",
  "399173006",
  "399198007",
  "399352003",
  "399260004",
  "R-102CD",
  "R-10236",
  "R-10232",
];

/** Numbers of an element of text; null where there are none, and a note where they are none. */
function numbers(set, tag, count) {
  const parts = (set.string(tag) ?? "").split("\\").map((part) => part.trim());
  if (!parts[0] || parts.length !== count) return null;
  const found = parts.map(Number);
  return found.every(Number.isFinite) ? found : null;
}

export const number = (set, tag) => numbers(set, tag, 1)?.[0] ?? null;

/** The header's windows, then the usual ones; where there are none, one by the values. */
export function windowsOf(set, values, padding, { stored, modality, slope, intercept, signed }, notes) {
  const found = [];
  const several = (tag) => (set.string(tag) ?? "").split("\\").map((part) => (part.trim() ? Number(part) : NaN));
  const [levels, widths] = [several("x00281050"), several("x00281051")];
  const kind = (set.string("x00281056") ?? "LINEAR").trim().toUpperCase();
  const names = (set.string("x00281055") ?? "").split("\\").map((name) => name.trim().toLowerCase());
  widths.forEach((width, i) => {
    const level = levels[i];
    if (!(width > 0 && width < 1e9 && Number.isFinite(level))) return;
    const name = /^[a-z0-9 ]{1,16}$/.test(names[i] ?? "") ? names[i] : "header";
    const make = kind === "SIGMOID" ? sigmoidWindow : kind === "LINEAR_EXACT" || width < 2 ? windowOf : statedWindow;
    found.push(make(width, level, name));
  });
  found.push(...tables(set, signed), ...usualWindows(modality));
  if (found.length) return found;
  if (stored === 8 && slope === 1 && intercept === 0) return [between(0, 255, "as stored")];
  notes.push("the header gives no window: it is set by the values");
  return [automatic(padding ? values.filter((_, i) => !padding[i]) : values.slice(), modality)];
}

/** Windows that are looked up in a table (VOI LUT Sequence). */
function tables(set, signed) {
  return (set.elements.x00283010?.items ?? []).flatMap(({ dataSet: item }) => {
    const told = [0, 1, 2].map((i) => item.uint16("x00283002", i));
    const data = item.elements.x00283006;
    if (told.some((each) => each === undefined) || !data) return [];
    const count = told[0] || 65536;
    if (data.length < 2 * count || count < 2) return [];
    const table = Float32Array.from({ length: count }, (_, i) =>
      Math.min(1, item.uint16("x00283006", i) / (2 ** told[2] - 1)),
    );
    const low = signed && told[1] >= 32768 ? told[1] - 65536 : told[1];
    return [{ ...between(low, low + count - 1, "table"), kind: "table", table }];
  });
}

/** Millimetres between pixel centres, [row, column], or null. */
export function spacingOf(set, notes) {
  const pair = (tag) => {
    const found = numbers(set, tag, 2);
    return found && Math.min(...found) > 0 ? found.map((mm) => Number(mm.toFixed(6))) : null;
  };
  const own = pair("x00280030");
  if (own) return own;
  const imager = pair("x00181164");
  if (!imager) return pair("x00182010") ?? ofUltrasound(set);
  const magnified = number(set, "x00181114");
  if (magnified > 1 && magnified < 10) return imager.map((mm) => Number((mm / magnified).toFixed(6)));
  notes.push("the spacing is that at the detector (ImagerPixelSpacing): in the body, lengths and areas are smaller");
  return imager;
}

/** By the ultrasound regions, if all that have lengths agree. */
function ofUltrasound(set) {
  const found = new Set();
  for (const { dataSet: item } of set.elements.x00186011?.items ?? []) {
    const units = ["x00186026", "x00186024"].map((tag) => item.uint16(tag));
    const deltas = ["x0018602e", "x0018602c"].map((tag) => item.double(tag));
    if (units.every((unit) => unit === 3) && deltas.every(Boolean)) {
      found.add(deltas.map((cm) => Number((Math.abs(cm) * 10).toFixed(6))).join());
    }
  }
  return found.size === 1 ? [...found][0].split(",").map(Number) : null;
}

/** On which side of the picture the patient's left lies: by its place in the patient, else by the header's words. */
export function sideOf(set, notes) {
  const [where, cosines] = [numbers(set, "x00200032", 3), numbers(set, "x00200037", 6)];
  if (where && cosines) {
    const side = ofPlane(cosines, notes);
    if (side !== undefined) return side;
  }
  const view = (set.string("x00185101") ?? "").trim().toUpperCase();
  const codes = (set.elements.x00540220?.items ?? []).map(({ dataSet }) => (dataSet.string("x00080100") ?? "").trim());
  const lateral = LATERAL_VIEWS.includes(view) || codes.some((code) => LATERAL_CODES.includes(code));
  const words = (set.string("x00200020") ?? "").split("\\").map((word) => word.trim().toUpperCase());
  if (words.some(Boolean)) {
    if (words.length !== 2 || !words.every((word) => /^[LRAPHF]*$/.test(word))) {
      notes.push("PatientOrientation is not the two ways (such as L and F) it should be: sides are taken as unknown");
      return null;
    }
    const first = words[0][0];
    if (first) {
      if (("LR".includes(first) && lateral) || ("AP".includes(first) && FRONTAL_VIEWS.includes(view))) {
        notes.push("PatientOrientation and the view contradict each other: sides are taken as unknown");
        return null;
      }
      return first === "L" ? "right" : first === "R" ? "left" : null;
    }
  }
  if (lateral || !FRONTAL_VIEWS.includes(view)) return null;
  notes.push(
    `the header gives the view (${view}) but no PatientOrientation: the film is taken to hang the usual way, the ` +
      "patient's left at the right of the picture",
  );
  return "right";
}

/** undefined where the directions are none. */
function ofPlane(cosines, notes) {
  const [row, column] = [cosines.slice(0, 3), cosines.slice(3)];
  const lengths = [row, column].map((way) => Math.hypot(...way));
  const upright = Math.abs(row.reduce((sum, value, i) => sum + value * column[i], 0) / (lengths[0] * lengths[1]));
  if (!lengths.every((length) => length > 0.9 && length < 1.1) || !(upright < 0.01)) return undefined;
  const largest = (way) => way.map(Math.abs).indexOf(Math.max(...way.map(Math.abs)));
  if (largest(row) !== 0) {
    if (largest(column) === 0) {
      notes.push("the patient's left and right are at the top and bottom of the picture, not at its sides");
    }
    return null;
  }
  const share = row[0] / lengths[0];
  if (Math.abs(share) < 0.9) {
    const angle = Math.round((Math.acos(Math.abs(share)) * 180) / Math.PI);
    notes.push(`the picture is oblique: its rows lie ${angle} degrees off the patient's left-right axis`);
  }
  return share > 0 ? "right" : "left";
}
