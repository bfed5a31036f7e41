// What outlives loading the page anew, in this tab only: which image has jobs. No name and no sentence.

/** Notes an image's id in the tab's history, which no server is told and no other page can read. */
export function remember(id) {
  history.replaceState({ ...history.state, image: id }, "");
}

/** The id of the image that was open when the page was loaded anew, or null where it was not loaded anew. */
export function remembered() {
  const anew = performance.getEntriesByType("navigation")[0]?.type !== "navigate";
  return anew ? (history.state?.image ?? null) : null;
}
