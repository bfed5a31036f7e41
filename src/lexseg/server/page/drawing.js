// Masks on a picture, and the words in its corners.

import { isVolume } from "./state.js";
import { told, unitOf } from "./window.js";

/** Fills and outlines a path in image coordinates; the outline is as wide at any zoom. */
export function drawMask(context, path, { colour, opacity, chosen, dots }) {
  context.globalAlpha = opacity;
  context.fillStyle = colour;
  context.fill(path, "evenodd");
  context.globalAlpha = 1;
  const outline = new Path2D();
  outline.addPath(path, context.getTransform());
  onScreen(context, () => {
    // a dark line below the coloured one: seen on white bone and on black air
    const lines = [
      ["rgb(0 0 0 / .65)", chosen ? 4.5 : 3.5],
      [colour, chosen ? 2.5 : 1.5],
    ];
    for (const [strokeStyle, width] of lines) {
      Object.assign(context, { strokeStyle, lineWidth: width * dots, lineJoin: "round" });
      context.stroke(outline);
    }
  });
}

/** The outline as it was before the last correction: dotted. */
export function drawBefore(context, path, { colour, dots }) {
  const outline = new Path2D();
  outline.addPath(path, context.getTransform());
  onScreen(context, () => {
    Object.assign(context, { lineCap: "round", lineJoin: "round" });
    context.setLineDash([dots, 5 * dots]);
    for (const [strokeStyle, width] of [
      ["rgb(0 0 0 / .65)", 3.5],
      [colour, 2],
    ]) {
      Object.assign(context, { strokeStyle, lineWidth: width * dots });
      context.stroke(outline);
    }
    context.setLineDash([]);
    context.lineCap = "butt";
  });
}

/**
 * What is being painted: points [row, column], and the brush's radius in pixels of the image. Of a scribble to teach by
 * `wanted` says whether it lies on the target: orange, or blue beside it.
 */
export function drawStroke(context, { points, radius, wanted }) {
  const colour = wanted === undefined ? "rgb(255 255 255 / .6)" : wanted ? "rgb(230 159 0 / .75)" : "rgb(86 180 233 / .75)";
  Object.assign(context, { strokeStyle: colour, lineWidth: 2 * radius, lineCap: "round", lineJoin: "round" });
  context.beginPath();
  points.forEach(([row, column], i) => (i ? context.lineTo(column, row) : context.moveTo(column, row + 1e-3)));
  if (points.length === 1) context.lineTo(points[0][1], points[0][0]);
  context.stroke();
  context.lineCap = "butt";
}

/** Where keys have led what draws, {x, y}: a cross with a gap, and a ring around it while it is down. */
export function drawCursor(context, point, { down, dots }) {
  const { x, y } = context.getTransform().transformPoint(point);
  const shape = new Path2D();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    shape.moveTo(x + 3 * dots * dx, y + 3 * dots * dy);
    shape.lineTo(x + 10 * dots * dx, y + 10 * dots * dy);
  }
  if (down) {
    shape.moveTo(x + 13 * dots, y);
    shape.arc(x, y, 13 * dots, 0, 2 * Math.PI);
  }
  onScreen(context, () => {
    for (const [strokeStyle, width] of [
      ["rgb(0 0 0 / .8)", 4],
      ["white", 2],
    ]) {
      Object.assign(context, { strokeStyle, lineWidth: width * dots });
      context.stroke(shape);
    }
  });
}

/**
 * Writes a finding's number at the top of its mask, as the list has it: colour alone does not tell. `written` holds where
 * others are already, {x, y}: it goes beside them.
 */
export function drawNumber(context, rings, { number, colour, dots, written }) {
  const [x, y] = rings.flat().reduce((top, point) => (point[1] < top[1] ? point : top));
  const at = context.getTransform().transformPoint({ x, y });
  const top = Math.max(18 * dots, at.y - 3 * dots);
  const taken = (other) => Math.abs(other.x - at.x) < 20 * dots && Math.abs(other.y - top) < 16 * dots;
  const side = at.x < (written.find(taken)?.x ?? 0) ? -1 : 1; // to the side where it is anyhow
  while (written.some(taken)) at.x += side * 4 * dots;
  written.push({ x: at.x, y: top });
  onScreen(context, () => {
    const font = `600 ${14 * dots}px system-ui, sans-serif`;
    Object.assign(context, { font, textAlign: "center", textBaseline: "bottom", lineWidth: 3 * dots });
    Object.assign(context, { strokeStyle: "rgb(0 0 0 / .8)", fillStyle: colour });
    context.strokeText(number, at.x, top);
    context.fillText(number, at.x, top);
  });
}

function onScreen(context, draw) {
  const turned = context.getTransform();
  context.setTransform(1, 0, 0, 1, 0, 0);
  draw();
  context.setTransform(turned);
}

/** The letters at the sides of a pane: whose side is where, as viewers mark it. */
export const sideLetters = ({ patient_left: where }) => ({ right: ["R", "L"], left: ["L", "R"] })[where] ?? ["", ""];

/** What stands in the corners: {nw, sw, se}. `pointed` is {x, y, value} under the pointer, or null. */
export function corners(image, window, frame, pointed) {
  const unit = unitOf(image);
  const value = pointed && (image.color ? pointed.value.join(" ") : `${told(pointed.value, image)}${unit}`);
  return {
    nw: [image.modality, isVolume() && `${frame + 1} / ${image.frames}`].filter(Boolean).join("  "),
    sw: image.color ? "" : `W ${told(window.width, image)}${unit}  L ${told(window.level, image)}${unit}`,
    se: pointed ? `${pointed.x}, ${pointed.y}:  ${value}` : "",
  };
}

/** The picture in words, for those who listen. */
export function spokenPicture(image, window, frame) {
  const size = `${image.modality ?? "Image"}, ${image.width} by ${image.height} pixels.`;
  const slice = isVolume() ? ` Slice ${frame + 1} of ${image.frames}.` : "";
  if (image.color) return `${size}${slice}`;
  return `${size}${slice} Window width ${told(window.width, image)}, level ${told(window.level, image)}.`;
}
