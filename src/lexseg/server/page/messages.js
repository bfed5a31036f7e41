// What the page tells: the status line, the alert, and the dialogs that ask back.

import { tokenFrom } from "./api.js";
import { $, confirmed, make } from "./dom.js";

/** Says what has happened, to be seen and heard. */
export function say(text) {
  $("status").textContent = $("status").title = text;
}

/** Says what went wrong, and offers what to do about it: {label: action}. */
export function alertUser(text, actions = {}) {
  const buttons = Object.entries(actions).map(([label, act]) =>
    make(
      "button",
      {
        type: "button",
        className: "link",
        onclick: () => {
          hush();
          act();
        },
      },
      label,
    ),
  );
  const close = make("button", { type: "button", className: "link", onclick: hush }, "Dismiss");
  $("alert").replaceChildren(make("p", {}, text), ...buttons, close);
  $("alert").hidden = false;
}

export function hush() {
  $("alert").hidden = true;
  $("alert").replaceChildren();
}

tokenFrom(async (wasWrong) => {
  $("token-why").textContent = wasWrong
    ? "That token is not the server’s. Try again, or ask whoever runs the server."
    : "Whoever runs the server can tell it. It is kept until this page is closed, and nowhere else.";
  $("token").value = "";
  const given = (await confirmed($("token-dialog"))) ? $("token").value.trim() : null;
  $("token").value = "";
  return given || null;
});
