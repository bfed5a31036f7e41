// Packed pixels of DICOM files: RLE here, JPEG by the browser, others by small decoders, loaded when they are needed.

import { componentsOf, decoded } from "./pictures.js";
import { Refused } from "./refused.js";

const KINDS = {
  "1.2.840.10008.1.2.5": rle,
  "1.2.840.10008.1.2.4.50": baseline,
  "1.2.840.10008.1.2.4.57": lossless,
  "1.2.840.10008.1.2.4.70": lossless,
  "1.2.840.10008.1.2.4.80": (packed, about) => wasm("charls", "JpegLSDecoder", packed, about),
  "1.2.840.10008.1.2.4.81": (packed, about) => wasm("charls", "JpegLSDecoder", packed, about),
  "1.2.840.10008.1.2.4.90": (packed, about) => wasm("openjpeg", "J2KDecoder", packed, about),
  "1.2.840.10008.1.2.4.91": (packed, about) => wasm("openjpeg", "J2KDecoder", packed, about),
};

/** Stored values, one sample after another; `rgb`: colours are such, whatever the header says; `interleaved`. */
export async function unpacked(packed, about) {
  const kind = KINDS[about.syntax];
  if (!kind) {
    throw new Refused(
      `the pixels are packed in a way (${about.syntax}) that is not read here; send the image uncompressed`,
    );
  }
  const values = await kind(packed, about);
  if (values.length !== about.rows * about.columns * about.samples) {
    throw new Refused("the packed image is of another size than the header says; the file is damaged");
  }
  return values;
}

async function baseline(packed, { rows, columns, samples, bits }) {
  if (bits !== 8 || componentsOf(packed) !== samples) throw new Refused("a JPEG that does not fit its header");
  const values = await decoded(packed, "image/jpeg", samples === 3);
  if (values.length !== rows * columns * samples)
    throw new Refused("the packed image is of another size than the header says");
  return samples === 3
    ? Object.assign(values, { rgb: true, interleaved: true })
    : values.map((value) => Math.round(value * 255));
}

async function lossless(packed, about) {
  const { Decoder } = await import("./runtime/jpeg-lossless.js");
  // the decoder stops at the end marker before it has used up its last bits: a few empty bytes keep the marker away
  let end = packed.length - 2;
  while (end > 0 && (packed[end] !== 0xff || packed[end + 1] !== 0xd9)) end -= 1;
  const copy = new Uint8Array(packed.length + 4);
  copy.set(packed.subarray(0, end));
  copy.set(packed.subarray(end), end + 4);
  const out = new Decoder().decompress(copy.buffer, 0, copy.length);
  const values = about.bits === 8 ? new Uint8Array(out) : new Uint16Array(out);
  return Object.assign(Float64Array.from(values, signed(about)), { interleaved: true });
}

/** CharLS or OpenJPEG, compiled to WebAssembly. */
async function wasm(name, decoderOf, packed, about) {
  const { default: start } = await import(`./runtime/${name}.js`);
  const silent = { print() {}, printErr() {} };
  const module = await start({ ...silent, locateFile: () => new URL(`./runtime/${name}.wasm`, import.meta.url).href });
  const decoder = new module[decoderOf]();
  try {
    decoder.getEncodedBuffer(packed.length).set(packed);
    decoder.decode();
    const { bitsPerSample, isSigned } = decoder.getFrameInfo();
    const bytes = decoder.getDecodedBuffer().slice();
    const Kind = bitsPerSample <= 8 ? (isSigned ? Int8Array : Uint8Array) : isSigned ? Int16Array : Uint16Array;
    const values = Float64Array.from(new Kind(bytes.buffer), isSigned ? undefined : signed(about));
    // OpenJPEG gives RGB whatever was packed; CharLS what was packed
    return Object.assign(values, { interleaved: true, rgb: name === "openjpeg" });
  } finally {
    decoder.delete();
  }
}

/** Bits without a sign, read with the header's. */
const signed = ({ stored, signed: has }) => {
  const span = 2 ** stored;
  return has ? (value) => (value % span >= span / 2 ? (value % span) - span : value % span) : (value) => value;
};

/** RLE (PS3.5 annex G): a segment for each byte of each sample, the upper bytes first. */
function rle(packed, about) {
  const { rows, columns, samples, bits } = about;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const [count, size, each] = [view.getUint32(0, true), rows * columns, bits / 8];
  if (count !== samples * each) throw new Refused("the packed pixels are damaged: their table does not fit the header");
  const values = new Float64Array(size * samples);
  for (let segment = 0; segment < count; segment++) {
    const start = view.getUint32(4 * (segment + 1), true);
    const end = segment + 1 < count ? view.getUint32(4 * (segment + 2), true) : packed.length;
    const bytes = unrolled(packed.subarray(start, end), size);
    const sample = Math.floor(segment / each);
    const factor = 256 ** (each - 1 - (segment % each));
    for (let i = 0; i < size; i++) values[i * samples + sample] += bytes[i] * factor;
  }
  return Object.assign(values.map(signed(about)), { interleaved: true });
}

function unrolled(packed, size) {
  const out = new Uint8Array(size);
  let to = 0;
  for (let at = 0; at < packed.length && to < size;) {
    const head = packed[at++];
    if (head < 128) {
      out.set(packed.subarray(at, at + Math.min(head + 1, size - to)), to);
      at += head + 1;
      to += head + 1;
    } else if (head > 128) {
      out.fill(packed[at++], to, Math.min(size, to + 257 - head));
      to += 257 - head;
    }
  }
  if (to < size) throw new Refused("the packed pixels are cut short");
  return out;
}
