// What was found and where, in words: for the list, for the status line and for those who listen to the page.

const count = new Intl.NumberFormat("en");
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${one.format(100 * share)} %`);

/** How much was found: "84.2 mm² (1,296 px)", of a volume "12.3 ml (4,210 voxels)", or pixels alone. */
export function areaWords({ area, ml }) {
  const pixels = `${count.format(area.px)} ${ml === undefined ? "px" : "voxels"}`;
  if (typeof ml === "number") return `${one.format(ml)} ml (${pixels})`;
  if (typeof area.mm2 === "number")
    return `${area.mm2 >= 100 ? count.format(Math.round(area.mm2)) : one.format(area.mm2)} mm² (${pixels})`;
  return pixels;
}

/** "at the lower right of the picture, the patient's left". */
export function placeWords({ x, y }, image) {
  const row = ["upper", "", "lower"][Math.min(2, Math.floor((3 * y) / image.height))];
  const column = ["left", "", "right"][Math.min(2, Math.floor((3 * x) / image.width))];
  if (!row && !column) return "in the middle of the picture";
  const where = `at the ${[row, column || "middle"].filter(Boolean).join(" ")} of the picture`;
  if (!column || !image.patient_left) return where;
  return `${where}, the patient’s ${column === image.patient_left ? "left" : "right"}`;
}

/** Why it was not found: "probability 0.07, below 0.43"; empty where the model does not say. */
export function presenceWords({ presence, presence_threshold: threshold }) {
  if (presence === null || presence === undefined) return "";
  return `probability ${presence.toFixed(2)}, below ${(threshold ?? 0).toFixed(2)}`;
}

/** Why it is not in scope, where it was asked anyway: " Asked anyway, and not in scope: ..."; else empty. */
export const anywayWords = (result) =>
  result?.anyway ? ` Asked anyway, and not in scope: ${result.explanation}.` : "";

/** What is doubtful about an answer, which those who listen are to hear too: " Note: ..."; else empty. */
const doubtWords = (result) => (result?.warnings?.length ? ` Note: ${result.warnings.join("; ")}.` : "");

/** The answer to a finding, and what is doubtful about it, for the status line. */
export const spoken = (finding, image, where) => said(finding, where) + doubtWords(finding.result);

function said(finding, where) {
  const name = `Finding ${finding.number}`;
  if (finding.status === "pending") return `${name}: looking…`;
  if (finding.status === "failed") return `${name}: no answer. ${finding.error}`;
  if (finding.status === "negated")
    return `${name}: negated. The words say that it is not there; it was not looked for.`;
  if (finding.status === "not in scope")
    return `${name}: not in scope; ${finding.result.explanation}. Nothing was looked for.`;
  const anyway = anywayWords(finding.result);
  if (finding.status === "not found") {
    const presence = presenceWords(finding.result);
    return `${name}: not found${presence ? `; ${presence}` : ""}.${anyway}`;
  }
  const { area, n_components: parts, frames_found: slices } = finding.result;
  if (slices)
    return `${name}: found in ${slices.length} slices, ${slices[0] + 1} to ${slices.at(-1) + 1}: ${areaWords(finding.result)}.${anyway}`;
  const place = where && (parts > 1 ? `, the largest of ${parts} parts ${where}` : ` ${where}`);
  const pieces = parts > 1 && !place ? `, in ${parts} parts` : "";
  return `${name}: found${place || ""}: ${areaWords(finding.result)}, ${percent(area.fraction)} of the picture${pieces}.${anyway}`;
}

/** "3:20 left", "12 s left". */
export function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const s = Math.round(seconds);
  return s >= 60 ? `, ${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} min left` : `, ${s} s left`;
}
