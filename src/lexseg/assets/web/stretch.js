// Images on their way into the model, logits on their way out: the numbers of lexseg.models.place and Pillow.

/**
 * A plane at another size, bilinear, with antialiasing where it shrinks, as Pillow's `resize(BILINEAR)` of mode F: for
 * each place a triangle as wide as the step, first along the rows, then along the columns.
 * @param {Float32Array} plane H * W
 * @param {[number, number]} from height and width
 * @param {[number, number]} to height and width
 */
export function stretched(plane, [h, w], [height, width]) {
  const wide = w === width ? plane : along(plane, h, w, width);
  return h === height ? wide : down(wide, h, width, height);
}

/** Of each of `to` places: where its triangle begins, and its weights. */
function triangles(from, to) {
  const step = from / to;
  const wide = Math.max(step, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * step;
    const first = Math.max(0, Math.trunc(centre - wide + 0.5));
    const last = Math.min(from, Math.trunc(centre + wide + 0.5));
    const weights = [];
    for (let i = first; i < last; i++) weights.push(Math.max(0, 1 - Math.abs((i - centre + 0.5) / wide)));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function along(plane, h, w, width) {
  const out = new Float32Array(h * width);
  triangles(w, width).forEach(({ first, weights }, x) => {
    for (let y = 0; y < h; y++) {
      let sum = 0;
      for (let i = 0, at = y * w + first; i < weights.length; i++) sum += weights[i] * plane[at + i];
      out[y * width + x] = sum;
    }
  });
  return out;
}

function down(plane, h, w, height) {
  const out = new Float32Array(height * w);
  const row = new Float64Array(w);
  triangles(h, height).forEach(({ first, weights }, y) => {
    row.fill(0);
    weights.forEach((weight, i) => {
      for (let x = 0, at = (first + i) * w; x < w; x++) row[x] += weight * plane[at + x];
    });
    out.set(row, y * w);
  });
  return out;
}

/** Rows between the two nearest ones: float32[h * w] -> float32[height * w]. */
function between(plane, h, w, height) {
  const out = new Float32Array(height * w);
  for (let y = 0; y < height; y++) {
    const at = Math.fround(Math.min(Math.max(((y + 0.5) * h) / height - 0.5, 0), h - 1));
    const first = Math.min(Math.trunc(at), Math.max(h - 2, 0));
    const second = Math.min(first + 1, h - 1);
    const share = Math.fround(at - first);
    for (let x = 0; x < w; x++) out[y * w + x] = plane[first * w + x] * (1 - share) + plane[second * w + x] * share;
  }
  return out;
}

function turned(plane, h, w) {
  const out = new Float32Array(plane.length);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) out[x * h + y] = plane[y * w + x];
  return out;
}

/**
 * Logits at the image's own size as probabilities. Where the image is smaller than the network's, each is taken between
 * the nearest two.
 */
export function probability(plane, [h, w], [height, width]) {
  let native;
  if (h <= height && w <= width)
    native = h === height && w === width ? plane.slice() : stretched(plane, [h, w], [height, width]);
  else {
    const tall = between(plane, h, w, height);
    native = turned(between(turned(tall, height, w), w, height, width), width, height);
  }
  for (let i = 0; i < native.length; i++) native[i] = 1 / (1 + Math.exp(-native[i]));
  return native;
}

/** An image, float32[C][H * W] in 0..1, as the network takes it: float32[3 * height * width]. */
export function toInput(planes, from, [height, width]) {
  const out = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    if (c && planes.length === 1) out.copyWithin(c * height * width, 0, height * width);
    else {
      const plane = stretched(planes[c], from, [height, width]);
      for (let i = 0; i < plane.length; i++) out[c * height * width + i] = Math.min(1, Math.max(0, plane[i]));
    }
  }
  return exposed(out, height * width);
}

const NARROW = 0.3;

/** Grey values stretched where they span little of their range: lexseg.models.place.exposed. */
function exposed(values, size) {
  const levels = new Array(256).fill(0);
  for (let i = 0; i < size; i++) {
    levels[Math.floor(((values[i] + values[size + i] + values[2 * size + i]) / 3) * 255 + 0.5)] += 1;
  }
  const percentile = (share) => {
    let below = 0;
    return levels.findIndex((count) => (below += count) >= share * size);
  };
  const [low, middle, high] = [0.01, 0.5, 0.99].map(percentile);
  if (high === low || high - low >= NARROW * 255 || 4 * (middle - low) < high - low) return values;
  return values.map((value) => Math.min(1, Math.max(0, (value * 255 - low) / (high - low))));
}

export const highestOf = (values) => values.reduce((most, value) => (value > most ? value : most), 0);

/** The probability of each pixel once the target is known to be there: lexseg.predict.ask.given_present. */
export function givenPresent(values, peak) {
  const highest = Math.min(Math.max(highestOf(values), 1e-7), 1 - 1e-7);
  const lift = peak - Math.log(highest / (1 - highest));
  if (lift <= 0) return values;
  const [tiny, times] = [Math.fround(1e-7), Math.fround(Math.exp(lift))];
  return values.map((value) => {
    const kept = Math.min(Math.max(value, tiny), Math.fround(1 - tiny));
    const odds = Math.fround(Math.fround(kept / Math.fround(1 - kept)) * times);
    return odds / (1 + odds);
  });
}

/** lexseg.models.place says of what. */
export const [DOUBTFUL, CLEARLY_NEARER] = [0.8, 0.85];

/** Whether the channels of an input, float32[3 * size], are alike. */
export function isGrey(input) {
  const size = input.length / 3;
  return input.every((value, i) => value === input[i % size]);
}

/** An input, 3 * side * side, turned by a quarter. */
export function quarterTurned(input, side) {
  const size = side * side;
  return input.map((_, i) => {
    const [plane, y, x] = [Math.trunc(i / size), Math.trunc((i % size) / side), i % side];
    return input[plane * size + x * side + (side - 1 - y)];
  });
}

const [ALIKE, BLACK, LEAST, WIDE, TINT, COARSE] = [0.03, 0.06, 32, 1.5, 0.03, 128];

/** Whether an image may have a frame or a tint, as far as every few pixels tell: lexseg.models.place.may_be_tidied. */
export function mayBeTidied(planes, [height, width]) {
  const step = Math.max(Math.trunc(Math.min(height, width) / COARSE), 1);
  const [h, w] = [Math.ceil(height / step), Math.ceil(width / step)];
  const few = planes.map((plane) =>
    Float32Array.from({ length: h * w }, (_, i) => plane[Math.trunc(i / w) * step * width + (i % w) * step]),
  );
  return tidied(few, [h, w]) !== null;
}

/**
 * An image, planes in 0..1, without its frame and its tint, and where in the whole it lies; null where it has neither:
 * lexseg.models.place.tidied.
 */
export function tidied(planes, [height, width]) {
  const inside = framed(greyOf(planes), height, width);
  const [h, w] = [inside.bottom - inside.top, inside.right - inside.left];
  const cut = cutOut(planes, width, { ...inside, size: [h, w] });
  const tinted = isTinted(cut);
  if (h === height && w === width && !tinted) return null;
  return { planes: tinted ? [greyOf(cut)] : cut, size: [h, w], ...inside };
}

/** A part of an image: planes of the size. */
export function cutOut(planes, width, { top, left, size: [h, w] }) {
  return planes.map((plane) => {
    const part = new Float32Array(h * w);
    for (let y = 0; y < h; y++) {
      const from = (top + y) * width + left;
      part.set(plane.subarray(from, from + w), y * w);
    }
    return part;
  });
}

function greyOf(planes) {
  if (planes.length === 1) return planes[0];
  return planes[0].map((value, i) => (value + planes[1][i] + planes[2][i]) / 3);
}

function framed(grey, height, width) {
  let [top, bottom, left, right] = [0, height, 0, width];
  const row = (y) => extremes(grey, y * width + left, y * width + right, 1);
  const column = (x) => extremes(grey, top * width + x, bottom * width + x, width);
  const rows = (least) => alike(row, top, bottom, least);
  const columns = (least) => alike(column, left, right, least);
  while (Math.min(bottom - top, right - left) >= LEAST) {
    const [above, below] = rows(BLACK);
    [top, bottom] = [top + above, bottom - below];
    const [before, after] = columns(BLACK);
    [left, right] = [left + before, right - after];
    if (!(above || below || before || after)) break;
  }
  if (Math.min(bottom - top, right - left) < LEAST) [top, bottom, left, right] = [0, height, 0, width];
  const [h, w] = [bottom - top, right - left];
  // the bars of a wide or tall one, of any shade, until it is square
  if (w >= WIDE * h) {
    const [before, after] = atMost(columns(0), w - h);
    [left, right] = [left + before, right - after];
  } else if (h >= WIDE * w) {
    const [above, below] = atMost(rows(0), h - w);
    [top, bottom] = [top + above, bottom - below];
  }
  return { top, bottom, left, right };
}

function atMost([first, last], surplus) {
  if (first + last <= surplus) return [first, last];
  const cut = Math.min(Math.max(Math.trunc(surplus / 2), surplus - last), first);
  return [cut, surplus - cut];
}

/** How many lines from the first and from the last on are of one shade, at least so bright; none where all are. */
function alike(line, first, last, least) {
  const count = (at) => {
    let [low, high] = [Infinity, -Infinity];
    for (let n = 0; n < last - first; n++) {
      const [darkest, brightest] = line(at(n));
      [low, high] = [Math.min(low, darkest), Math.max(high, brightest)];
      if ((n === 0 && brightest < least) || high - low > ALIKE) return n;
    }
    return 0;
  };
  return [count((n) => first + n), count((n) => last - 1 - n)];
}

function extremes(values, from, to, step) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = from; i < to; i += step) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

function isTinted(planes) {
  if (planes.length === 1) return false;
  if (planes[0].every((value, i) => value === planes[1][i] && value === planes[2][i])) return false;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const centred = (values) => {
    const middle = mean(values);
    return values.map((value) => value - middle);
  };
  const grey = centred(greyOf(planes));
  const spread = mean(grey.map((value) => value * value));
  if (spread < 1e-8) return false; // one colour
  return planes.every((plane) => {
    const own = centred(plane);
    const slope = mean(own.map((value, i) => value * grey[i])) / spread;
    return mean(own.map((value, i) => (value - slope * grey[i]) ** 2)) <= TINT * TINT;
  });
}

const [LINES, LONGEST, PANEL, SHADE, JUMP, CROSSED] = [32, 1024, 0.15, 0.25, 0.4, 0.6];

/** Whether an image, planes in 0..1, looks like several put together: lexseg.models.place.has_panels. */
export const hasPanels = (planes, size) => parting(greyOf(planes), size) !== null;

/** Between two pictures in one {axis, before, after}, or null: lexseg.models.place.parting. */
function parting(grey, [height, width]) {
  if (Math.min(height, width) < LEAST) return null;
  const [across, down] = [
    { lines: height, length: width, at: (line, x) => grey[line * width + x] },
    { lines: width, length: height, at: (line, y) => grey[y * width + line] },
  ].map((way) => ({ ...way, every: Math.ceil(way.length / LONGEST), some: someLines(way) }));
  const values = across.some.flatMap((line) => [...line]);
  const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
  if (spread < 1e-4) return null;
  for (const [axis, way] of [
    [1, across],
    [0, down],
  ]) {
    const found = parted(way, spread);
    if (found) return { axis, before: found[0], after: found[1] };
  }
  return null;
}

function someLines({ lines, length, at }) {
  const [many, every] = [Math.min(LINES, lines), Math.ceil(length / LONGEST)];
  return Array.from({ length: many }, (_, i) => {
    const line = Math.trunc(((2 * i + 1) * lines) / (2 * many));
    return Float32Array.from({ length: Math.ceil(length / every) }, (_, x) => at(line, x * every));
  });
}

/** Where a band or a seam lies across all lines: its first place and the one after its last, or null. */
function parted({ lines, at, every, some }, spread) {
  const length = some[0].length;
  const range = (count, value) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < count; i++) [low, high] = [Math.min(low, value(i)), Math.max(high, value(i))];
    return high - low;
  };
  const drawn = [];
  for (let x = 0; x < length; x++) if (range(some.length, (i) => some[i][x]) > SHADE * spread) drawn.push(x);
  const least = Math.max(Math.ceil(PANEL * length), 2);
  if (drawn.length < 2 * least) return null;
  const filled = (from, to) =>
    2 * some.filter((line) => range(to - from, (i) => line[from + i]) > SHADE * spread).length > some.length;
  for (let i = least - 1; i < drawn.length - least; i++) {
    if (drawn[i + 1] - drawn[i] <= 2 || !filled(0, drawn[i] + 1) || !filled(drawn[i + 1], length)) continue;
    let [start, stop] = [-1, -1];
    for (let x = (drawn[i] + 1) * every; x < drawn[i + 1] * every; x++) {
      if (range(lines, (line) => at(line, x)) > SHADE * spread) continue;
      [start, stop] = [start < 0 ? x : start, x + 1];
    }
    if (start >= 0) return [start, stop];
  }
  const jumps = Array.from(
    { length: length - 1 },
    (_, x) => some.filter((line) => Math.abs(line[x + 1] - line[x]) > JUMP * spread).length,
  );
  const most = (from, to) => jumps.slice(Math.max(from, 0), Math.max(to, 0)).reduce((a, b) => Math.max(a, b), 0);
  const [first, last] = [drawn[least - 1], drawn[drawn.length - least]];
  const highest = most(first, last);
  const seam = jumps.indexOf(highest, first);
  if (highest < CROSSED * some.length || 2 * Math.max(most(0, seam - 2), most(seam + 3, jumps.length)) > highest) {
    return null;
  }
  let [sharpest, place] = [-1, 0];
  for (let x = seam * every; x < Math.min((seam + 1) * every, length * every - 1); x++) {
    let sum = 0;
    for (let line = 0; line < lines; line++) sum += Math.abs(at(line, x + 1) - at(line, x));
    if (sum > sharpest) [sharpest, place] = [sum, x + 1];
  }
  return [place, place];
}

const [DEEPEST, SMALLEST] = [4, 8];

/** The pictures of an image, each {top, left, size}, line by line: lexseg.models.panels.boxes. */
export function boxesOf(planes, [height, width]) {
  const grey = greyOf(planes);
  const found = cutApart(grey, [height, width], { top: 0, left: 0, size: [height, width] }, DEEPEST);
  const eighth = height / 8;
  const line = ({ top }) => Math.floor(top / eighth + 0.5);
  return found.sort((a, b) => line(a) - line(b) || a.left - b.left);
}

/** How many lines of a gap belong to the part before it: of its margin's shade, and no more than the margin has. */
function kept(line, length, gap) {
  let margin = 0;
  const drawn = (n) => line(n)[1] - line(n)[0] > ALIKE;
  while (margin < Math.trunc(gap / 2) && margin < length && !drawn(margin)) margin++;
  if (margin === length) return 0;
  const [shade] = line(0);
  let n = 0;
  while (n < margin && Math.max(...line(length + n).map((value) => Math.abs(value - shade))) <= ALIKE) n++;
  return n;
}

function cutApart(grey, whole, box, deepest) {
  const [part] = cutOut([grey], whole[1], box);
  const between = deepest ? parting(part, box.size) : null;
  if (!between) return [box];
  const { axis, before, after } = between;
  const [h, w] = box.size;
  const [lines, across] = axis ? [w, h] : [h, w];
  const line = axis ? (n) => extremes(part, n, h * w, w) : (n) => extremes(part, n * w, (n + 1) * w, 1);
  const stop = before + kept(line, before, after - before);
  const start = after - kept((n) => line(lines - 1 - n), lines - after, after - before);
  const parts = [
    [0, stop],
    [start, lines],
  ];
  if (parts.some(([from, to]) => SMALLEST * (to - from) < whole[axis])) return [box];
  return parts.flatMap(([from, to]) => {
    const inner = axis
      ? { top: box.top, left: box.left + from, size: [across, to - from] }
      : { top: box.top + from, left: box.left, size: [to - from, across] };
    return cutApart(grey, whole, inner, deepest - 1);
  });
}
