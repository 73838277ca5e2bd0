// Elements of the page. A text becomes a text node: no name of the data can become markup.

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

// A name that may break behind its underscores, and nowhere else while there is room.
export function breakable(name) {
  return name.split(/(?<=_)/).flatMap((piece) => [piece, element("wbr")]);
}

// A part of 100 as a bar; `style-src` forbids a style attribute and allows this.
export function bar(percent) {
  const filled = element("i");
  filled.style.width = `${Math.min(100, Math.max(0, percent))}%`;
  return element("span", { className: "track", ariaHidden: "true" }, filled);
}
