// A form with one field an input of the model. A field has `element`, `fill(value)` and `json()`, which is "" for a
// value that is left out.

import { breakable, element } from "./elements.js";
import { imageField } from "./image.js";

const INTEGERS = new Set(["int64", "int32", "uint8"]);

export function formOf(features, samples) {
  const fields = features.map((feature, number) => [feature.name, fieldOf(feature, `field-${number}`)]);
  const fill = (sample) => fields.forEach(([name, field]) => field.fill(sample[name] ?? null));
  return {
    fields: fields.map(([, field]) => field.element),
    samples: samples.length ? chooser(samples, features.find((each) => each.image), fill) : "",
    // Put together as text: a whole number beyond 2^53 must not become another one.
    instance: () => `{${fields.map(([name, field]) => entry(name, field.json())).filter(Boolean).join(", ")}}`,
  };
}

function entry(name, json) {
  return json === "" ? "" : `${JSON.stringify(name)}: ${json}`;
}

function fieldOf(feature, id) {
  if (feature.image) return imageField(feature, id);
  if (feature.shape.length) return listField(feature, id);
  if (feature.kind === "bool") return choiceField(feature, id);
  return textField(feature, id);
}

function labelled(feature, id, hint, input) {
  return element(
    "div",
    { className: "field" },
    element("label", { htmlFor: id }, ...breakable(feature.name)),
    element("span", { className: "sub", id: `${id}-hint` }, feature.missing ? `${hint}, or empty` : hint),
    input,
  );
}

function textField(feature, id) {
  const isText = feature.kind === "string";
  const isWhole = INTEGERS.has(feature.kind);
  const input = element("input", { id, type: "text", autocomplete: "off", spellcheck: false });
  input.inputMode = isText ? "text" : "decimal";
  input.setAttribute("aria-describedby", `${id}-hint`);
  let bytes = null; // a value that is no text
  input.addEventListener("input", () => (bytes = null));
  return {
    element: labelled(feature, id, isText ? "text" : isWhole ? "whole number" : "number", input),
    fill(value) {
      bytes = value !== null && typeof value === "object" ? value : null;
      input.value = value === null || bytes ? "" : String(value);
      input.placeholder = bytes ? "bytes" : "";
    },
    json() {
      if (bytes) return JSON.stringify(bytes);
      if (isText) return input.value === "" && feature.missing ? "" : JSON.stringify(input.value);
      return numberJson(input.value.trim(), isWhole);
    },
  };
}

// What is no number goes out as the text that it is, and the endpoint says what it expected.
function numberJson(text, isWhole) {
  if (text === "") return "";
  if (isWhole) return /^[+-]?\d+$/.test(text) ? BigInt(text.replace("+", "")).toString() : JSON.stringify(text);
  const number = Number(text);
  return JSON.stringify(Number.isFinite(number) ? number : text);
}

function choiceField(feature, id) {
  const options = (feature.missing ? [""] : []).concat("false", "true");
  const choices = options.map((text) => element("option", { value: text }, text || "no value"));
  const input = element("select", { id }, ...choices);
  return {
    element: labelled(feature, id, "true or false", input),
    fill: (value) => (input.value = value === null ? options[0] : String(value)),
    json: () => input.value,
  };
}

function listField(feature, id) {
  const input = element("textarea", { id, rows: 3, spellcheck: false });
  return {
    element: labelled(feature, id, `lists of shape ${feature.shape.join(" × ")}, as JSON`, input),
    fill: (value) => (input.value = value === null ? "" : JSON.stringify(value)),
    json: () => (isJson(input.value) ? input.value : input.value.trim() && JSON.stringify(input.value)),
  };
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// Golden requests to begin with: images to press where there are any, else a list of their numbers.
function chooser(samples, image, fill) {
  fill(samples[0]);
  if (image) {
    const shown = samples.filter((sample) => sample[image.name]?.b64);
    const buttons = shown.map((sample, number) => thumbnail(sample, image, number, fill));
    return element("div", { className: "thumbnails", role: "group", ariaLabel: "Sample images" }, ...buttons);
  }
  const options = samples.map((_, number) => element("option", { value: String(number) }, String(number + 1)));
  const select = element("select", { id: "sample" }, ...options);
  select.addEventListener("change", () => fill(samples[Number(select.value)]));
  const clear = element("button", { type: "button", className: "quiet-button" }, "Clear");
  clear.addEventListener("click", () => fill({}));
  const label = element("label", { htmlFor: "sample" }, "Filled in from golden request");
  return element("p", { className: "send" }, label, select, clear);
}

function thumbnail(sample, image, number, fill) {
  const source = `data:image/png;base64,${sample[image.name].b64}`;
  const picture = element("img", { src: source, alt: `Sample ${number + 1}` });
  const button = element("button", { type: "button" }, picture);
  button.addEventListener("click", () => fill(sample));
  return button;
}
