// Where a finding is in a frame, as rings and a path: kept once it is known.

import { fetchRings, middle, pathOf } from "./masks.js";
import { state } from "./state.js";

const pack = (rings) => (rings.length ? { rings, path: pathOf(rings) } : null);

/** Whether the finding was asked about this frame. */
export const asksAbout = (finding, frame) =>
  finding.frames ? frame >= finding.frames[0] && frame <= finding.frames[1] : frame === finding.frame;

/**
 * {rings, path} of a finding in a frame; null where nothing is, or not yet: then `later` is called when it is.
 */
export function rings(finding, frame, later = () => {}) {
  if (finding.status !== "found" || !asksAbout(finding, frame)) return null;
  const { paths, result } = finding;
  if (paths.has(frame)) return paths.get(frame);
  if (result.polygons.length) {
    paths.set(frame, pack(result.polygons));
    return paths.get(frame);
  }
  // a volume's mask, or one with too many corners to be told as outlines
  if (result.frames_found && !result.frames_found.includes(frame)) return null;
  paths.set(frame, null);
  fetchRings(`${result.links.mask}?frame=${frame}`, state.image.width, state.image.height).then(
    (found) => {
      paths.set(frame, pack(found));
      later();
    },
    () => paths.delete(frame), // asked again when it is drawn again
  );
  return null;
}

/** The middle of what was found in the frame asked about, of several parts that of the largest; or null. */
export function middleOf(finding) {
  const found = finding.frames ? null : rings(finding, finding.frame);
  if (!found) return null;
  if (!(finding.result.n_components > 1)) return middle(found.rings);
  // between two parts there may be nothing
  return found.rings.map((ring) => middle([ring])).reduce((most, each) => (each.area > most.area ? each : most));
}
