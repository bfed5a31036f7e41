// What on the page has too little contrast: every visible text, and every control's edge, with what lies behind it.
() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) =>
    Object.fromEntries(["r", "g", "b"].map((c) => [c, top[c] * top.a + below[c] * (1 - top.a)]));
  const behind = (element) => {
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.push(parse(getComputedStyle(e).backgroundColor));
    return chain.reverse().reduce((below, top) => ({ ...over(top, below), a: 1 }), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) =>
    [r, g, b]
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const seen = (e) =>
    e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length;
  const poor = [];
  let checked = 0;
  for (const element of document.querySelectorAll("body *")) {
    if (!seen(element) || element.closest("svg, .pane, option")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const says =
      [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) ||
      (element.value ?? "") !== "" ||
      element.placeholder;
    if (
      says &&
      element.type !== "color" &&
      element.type !== "range" &&
      element.type !== "radio" &&
      element.type !== "checkbox"
    ) {
      checked++;
      const size = parseFloat(style.fontSize),
        bold = Number(style.fontWeight) >= 700;
      const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
      const is = ratio({ ...over(parse(style.color), ground) }, ground);
      if (is < least) poor.push(`${element.className || element.id || element.tagName}: text ${is.toFixed(2)}`);
    }
    if (element.matches("textarea, select, input[type=number], .button:not(.primary), .segmented")) {
      checked++;
      const is = ratio(parse(style.borderTopColor), behind(element.parentElement));
      if (is < 3) poor.push(`${element.id || element.className}: edge ${is.toFixed(2)}`);
    }
  }
  return { poor, checked };
};
