// An upload that holds several images: which is meant? The reader's message names them.

import { $, confirmed, make } from "./dom.js";

const SERIES = /\b(\d[\d.]{8,63}): ([^;:]+)/g; // UID: modality, number of images
const UIDS = /\b\d[\d.]{8,63}\b/g;
const VOLUMES = /holds (\d+) (?:volumes|images at each place)/;

/** What there is to choose from, as [{label, field, value}]; none where the refusal is about something else. */
export function choices(message) {
  const [, count] = message.includes("'channel'") ? (VOLUMES.exec(message) ?? []) : [];
  if (count)
    return Array.from({ length: Number(count) }, (_, i) => ({
      label: `${i + 1} of ${count}`,
      field: "channel",
      value: String(i),
    }));
  if (!message.includes("'series'")) return [];
  const series = [...message.matchAll(SERIES)].map(([, uid, about], i) => ({
    label: `${i + 1}: ${about.trim()}`,
    field: "series",
    value: uid,
  }));
  if (series.length) return series;
  return (message.match(UIDS) ?? []).map((uid, i) => ({ label: `Picture ${i + 1}`, field: "series", value: uid }));
}

/** Asks which; {series} or {channel} for the upload, or null. */
export async function whichOf(found) {
  $("which").replaceChildren(...found.map(({ label }, i) => make("option", { value: String(i) }, label)));
  if (!(await confirmed($("which-dialog")))) return null;
  const { field, value } = found[Number($("which").value)];
  return { [field]: value };
}
