// Windows of values, as lexseg.scans.window and lexseg.scans.dicom.windows have them.

const THINNEST = 1e-37;

// width and level in Hounsfield units, as radiology departments commonly set them
const CT = [
  ["abdomen", 400, 40],
  ["lung", 1500, -600],
  ["mediastinum", 350, 50],
  ["bone", 1800, 400],
  ["brain", 80, 40],
  ["liver-narrow", 150, 60],
];

/** A window by width and level: all at most `low` is black, all from `high` on white. */
export const windowOf = (width, level, name = "") => ({
  name,
  width,
  level,
  low: level - width / 2,
  high: level + width / 2,
  kind: "linear",
});

/** As headers state it: white begins one unit before the end (DICOM PS3.3 C.11.2.1.2.1). */
export const statedWindow = (width, level, name) => ({ ...windowOf(width, level, name), high: level + width / 2 - 1 });

export const sigmoidWindow = (width, level, name) => ({ ...windowOf(width, level, name), kind: "sigmoid" });

export const between = (low, high, name) => ({
  name,
  width: high - low,
  level: (low + high) / 2,
  low,
  high,
  kind: "linear",
});

export const usualWindows = (modality) => (modality === "CT" ? CT.map(([name, w, l]) => windowOf(w, l, name)) : []);

/** float32[H * W] in 0..1; what is no number is black. */
export function shaded(values, window) {
  const shown = new Float32Array(values.length);
  const { low, high, width, level, kind } = window;
  const slope = Math.fround(1 / Math.max(high - low, THINNEST));
  const [from, soft] = [Math.fround(low), Math.fround(-4 / Math.max(width, THINNEST))];
  for (let i = 0; i < values.length; i++) {
    let value;
    if (kind === "table")
      value = window.table[Math.min(Math.max(Math.trunc(values[i] - from), 0), window.table.length - 1)];
    else if (kind === "sigmoid") value = 1 / (1 + Math.exp(Math.min(60, Math.max(-60, (values[i] - level) * soft))));
    else value = Math.fround(Math.fround(values[i] - from) * slope);
    shown[i] = value > 1 ? 1 : value > 0 ? value : 0;
  }
  return shown;
}

/** The window of values of which only they are known. */
export function automatic(values, modality) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return between(0, 1, "automatic");
  if (!modality && looksLikeCt(finite)) return windowOf(400, 40, "automatic");
  let [low, high, whole] = [Infinity, -Infinity, true];
  for (const value of finite) {
    if (value < low) low = value;
    if (value > high) high = value;
    whole &&= value === Math.round(value);
  }
  if (low >= 0 && high > 1 && high <= 255 && whole) return between(0, 255, "automatic");
  finite.sort();
  [low, high] = [0.5, 99.5].map((percent) => {
    const at = (percent / 100) * (finite.length - 1);
    const first = Math.floor(at);
    return finite[first] + (at - first) * ((finite[first + 1] ?? finite[first]) - finite[first]);
  });
  return between(low, high > low ? high : low + 1, "automatic");
}

/** Whether values are Hounsfield units, told by shares of them. */
function looksLikeCt(values) {
  let [air, tissue, below] = [0, 0, 0];
  const same = new Map();
  for (const value of values) {
    if (value >= -1100 && value < -500) air += 1;
    if (value >= -200 && value <= 300) tissue += 1;
    if (value < -1100) {
      below += 1;
      same.set(value, (same.get(value) ?? 0) + 1);
    }
  }
  const padding = Math.max(0, ...same.values());
  const least = 0.002 * (values.length - padding);
  return air > least && tissue > least && below - padding <= 0.001 * values.length;
}
