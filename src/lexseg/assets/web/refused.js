// What a user can mend: the message says what is wrong, what was expected and what to do.

export class Refused extends Error {}

/** A part of the page's folder cannot be had or used: a fault of the folder, unless nobody sends it any more. */
export class Lacking extends Refused {}

/** Whether whoever sends this page still does. */
export const isSent = () =>
  fetch(new URL("rules.json", import.meta.url), { method: "HEAD", cache: "no-store" }).then(
    () => true,
    () => false,
  );
