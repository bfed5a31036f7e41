// A mask in numbers: area, the box around it and in how many parts it is, as lexseg.predict.segmentation.describe_mask.

/** @param {Uint8Array} mask H * W  @param {[number, number]|null} spacing mm, row and column */
export function measured(mask, height, width, spacing) {
  let px = 0;
  let [top, left, bottom, right] = [height, width, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!mask[y * width + x]) continue;
      px += 1;
      [top, bottom] = [Math.min(top, y), y];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
  }
  const rounded = (value, digits) => Number(value.toFixed(digits));
  return {
    area: {
      px,
      mm2: spacing && rounded(px * spacing[0] * spacing[1], 4),
      fraction: rounded(px / mask.length, 6),
    },
    box: px ? [top, left, bottom - top + 1, right - left + 1] : null,
    n_components: parts(mask, height, width),
  };
}

/** How many parts there are; touching corners connect. */
function parts(mask, height, width) {
  const seen = new Uint8Array(mask.length);
  const waiting = [];
  let count = 0;
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue;
    count += 1;
    seen[start] = 1;
    waiting.push(start);
    while (waiting.length) {
      const at = waiting.pop();
      const [y, x] = [Math.floor(at / width), at % width];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (!mask[next] || seen[next]) continue;
          seen[next] = 1;
          waiting.push(next);
        }
      }
    }
  }
  return count;
}
