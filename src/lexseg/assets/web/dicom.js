// One DICOM image as values in the modality's units, with its window, sides and pixel size, by the rules of
// lexseg.scans.dicom. What is not read says so: several frames, palettes, tables of the modality, deflated files.

import { Lacking, Refused } from "./refused.js";
import { number, sideOf, spacingOf, windowsOf } from "./dicom-header.js";
import { unpacked } from "./packed.js";

const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
const PLAIN = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN];
const NOT_IMAGES = ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"]; // segmentations are none

export const isDicom = (bytes) => String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";

/** @returns what `readPicture` returns, and modality, spacing, patient_left, windows, inverted, padding */
export async function readDicom(bytes) {
  let dicomParser, set;
  try {
    dicomParser = (await import("./runtime/dicom-parser.js")).default;
  } catch {
    throw new Lacking("the folder holds no reader of DICOM (runtime/dicom-parser.js): export it again");
  }
  try {
    set = dicomParser.parseDicom(bytes);
  } catch (error) {
    const said = error?.exception ?? error?.message ?? error;
    if (String(said).includes("deflate") || String(said).includes("inflater")) throw new Refused(deflated);
    throw new Refused(`the DICOM header is damaged or cut short (${String(said).split("\n")[0]})`);
  }
  try {
    return await ofSet(set, bytes, dicomParser);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(`the pixels are damaged or cut short, or the header is (${error?.message ?? error})`);
  }
}

const deflated = "a deflated DICOM file, which is not read here; send the image uncompressed";

async function ofSet(set, bytes, dicomParser) {
  const text = (tag) => (set.string(tag) ?? "").trim();
  const whole = (tag, missing) => set.uint16(tag) ?? missing;
  const syntax = text("x00020010") || PLAIN[0];
  if (syntax === DEFLATED) throw new Refused(deflated);
  const [rows, columns] = [whole("x00280010"), whole("x00280011")];
  const pixels = set.elements.x7fe00010;
  if (!rows || !columns || NOT_IMAGES.includes(text("x00080016"))) throw new Refused("a DICOM file that is no image");
  if (!pixels) throw new Refused("cut short: the header speaks of pixels, but there are none that are read here");
  const frames = Number(text("x00280008") || 1) || 1;
  if (frames > 1) {
    throw new Refused(`a file of ${frames} frames: this page opens single images; the LexSeg server opens all of them`);
  }
  if (set.elements.x00283000)
    throw new Refused("a file whose values are looked up in a table (Modality LUT), not read here");
  const about = {
    syntax,
    rows,
    columns,
    samples: whole("x00280002", 1),
    bits: whole("x00280100", 16),
    stored: whole("x00280101", whole("x00280100", 16)),
    signed: whole("x00280103", 0) === 1,
    planar: whole("x00280006", 0) === 1,
    photometric: text("x00280004") || "MONOCHROME2",
  };
  if (![8, 16, 32].includes(about.bits))
    throw new Refused(`${about.bits} bits for each sample, which is not read here`);
  if (about.photometric === "PALETTE COLOR")
    throw new Refused("a picture of a palette of colours, which is not read here");
  const found = PLAIN.includes(syntax)
    ? plainValues(bytes.subarray(pixels.dataOffset, pixels.dataOffset + pixels.length), about)
    : await unpacked(packedFrame(set, pixels, dicomParser), about);
  const modality = text("x00080060").toUpperCase() || null;
  const notes = [];
  const common = {
    width: columns,
    height: rows,
    modality,
    notes,
    spacing: spacingOf(set, notes),
    patient_left: sideOf(set, notes),
  };
  if (about.samples === 3)
    return { ...common, color: true, values: colours(found, about), inverted: false, padding: null, windows: [] };
  const [slope, intercept] = [number(set, "x00281053") || 1, number(set, "x00281052") || 0];
  const values = Float32Array.from(found, (value) => value * slope + intercept);
  const padding = paddingOf(set, found, about);
  return {
    ...common,
    color: false,
    values,
    padding,
    inverted: about.photometric === "MONOCHROME1",
    windows: windowsOf(set, values, padding, { ...about, modality, slope, intercept }, notes),
  };
}

function packedFrame(set, pixels, dicomParser) {
  if (!pixels.encapsulatedPixelData)
    throw new Refused("the pixels are said to be packed, and are not; the file is damaged");
  return dicomParser.readEncapsulatedPixelDataFromFragments(set, pixels, 0, pixels.fragments.length);
}

/** Stored values of uncompressed pixels. */
function plainValues(data, { syntax, rows, columns, samples, bits, signed, stored, photometric }) {
  const count = rows * columns * samples;
  if (photometric === "YBR_FULL_422")
    throw new Refused("colours of which two pixels share one (YBR_FULL_422), not read here");
  if (data.length < (count * bits) / 8)
    throw new Refused(`cut short: ${rows} x ${columns} pixels take ${(count * bits) / 8} bytes`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const little = syntax !== BIG_ENDIAN;
  const read = {
    8: (i) => view.getUint8(i),
    16: (i) => view.getUint16(2 * i, little),
    32: (i) => view.getUint32(4 * i, little),
  }[bits];
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = read(i);
  return signed || stored < bits ? inRange(values, stored, signed) : values;
}

/** What lies in the stored bits, as whole numbers with or without a sign. */
export function inRange(values, stored, signed) {
  const span = 2 ** stored;
  for (let i = 0; i < values.length; i++) {
    const value = ((values[i] % span) + span) % span;
    values[i] = signed && value >= span / 2 ? value - span : value;
  }
  return values;
}

/** uint8[H * W * 3], RGB. */
function colours(found, { rows, columns, planar, stored, photometric, unpackedColor }) {
  const size = rows * columns;
  const values = new Uint8Array(3 * size);
  const shift = Math.max(0, stored - 8);
  const apart = planar && !found.interleaved;
  const ybr = photometric.startsWith("YBR") && !found.rgb && !unpackedColor;
  for (let i = 0; i < size; i++) {
    let [a, b, c] = apart
      ? [found[i], found[size + i], found[2 * size + i]]
      : [found[3 * i], found[3 * i + 1], found[3 * i + 2]];
    [a, b, c] = [a >> shift, b >> shift, c >> shift];
    if (ybr) {
      // PS3.3 C.7.6.3.1.2
      [a, b, c] = [a + 1.402 * (c - 128), a - 0.344136 * (b - 128) - 0.714136 * (c - 128), a + 1.772 * (b - 128)];
    }
    [a, b, c].forEach((value, k) => (values[3 * i + k] = Math.min(255, Math.max(0, Math.round(value)))));
  }
  return values;
}

/** Where the header says there is no image: uint8[H * W], or null. */
function paddingOf(set, found, { signed }) {
  const read = (tag) => (set.elements[tag] ? (signed ? set.int16(tag) : set.uint16(tag)) : undefined);
  const value = read("x00280120");
  if (value === undefined) return null;
  const limit = read("x00280121") ?? value;
  const [low, high] = [Math.min(value, limit), Math.max(value, limit)];
  let count = 0;
  const padding = Uint8Array.from(found, (stored) => {
    const there = stored >= low && stored <= high ? 1 : 0;
    count += there;
    return there;
  });
  return count && count < found.length ? padding : null;
}
