// The page to try a tenant: it reads the OpenAPI document, puts requests together, sends them and shows what comes back.

import { linksBelow, show } from "./answer.js";
import { asXml, Described } from "./openapi.js";

const MOST_KEPT = 50;
const BATCH = { resourceType: "Bundle", type: "batch", entry: [{ request: { method: "GET", url: "Patient?_count=1" } }] };
const tenant = location.pathname.replace(/\/$/, "").split("/").pop();
const root = new URL(location.pathname.endsWith("/") ? "../../" : "../", location.href).href;
const here = `${root}fhir/${tenant}`; // the base, as this page reaches it
const $ = (id) => document.getElementById(id);
let described, operation, link = () => null;
let example = ""; // what stands in the body as long as nobody has changed it

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function format() {
  return document.querySelector("input[name=format]:checked").value;
}

// ---- what is asked

function chooseType() {
  const tag = described.tags.find((one) => one.name === $("type").value);
  $("about").hidden = !tag.externalDocs;
  $("about").href = tag.externalDocs?.url ?? "";
  const rows = described.operations.get(tag.name).map((one, n) => {
    const radio = made("input", { type: "radio", name: "interaction", value: one.operationId, checked: n === 0 });
    const word = made("b", { className: one.method, textContent: one.method });
    return made("label", { title: one.path }, radio, made("span", {}, word, one.summary));
  });
  $("interactions").replaceChildren($("interactions").querySelector("legend"), ...rows);
  chooseInteraction();
}

function chooseInteraction() {
  const id = document.querySelector("input[name=interaction]:checked").value;
  operation = described.operations.get($("type").value).find((one) => one.operationId === id);
  $("told").textContent = operation.description ?? "";
  $("told").hidden = !operation.description;
  $("given").replaceChildren();
  const parameters = described.parameters(operation);
  for (const one of parameters.filter((each) => each.required)) addRow(one);
  const groups = [["Parameters", (one) => one.in === "query" && !one.name.startsWith("_")],
    ["Special parameters", (one) => one.in === "query" && one.name.startsWith("_")], ["Headers", (one) => one.in === "header"]];
  $("add").replaceChildren(made("option", { value: "", textContent: "choose …" }), ...groups.map(([label, belongs]) => {
    const options = parameters.filter((one) => !one.required && belongs(one)).map((one) =>
      made("option", { value: `${one.in} ${one.name}`, textContent: one.name, title: one.description ?? "" }));
    return made("optgroup", { label, hidden: !options.length }, ...options);
  }));
  const bodies = described.bodies(operation);
  $("sending").hidden = !bodies.length;
  $("kind").replaceChildren(...bodies.map(([name]) => made("option", { textContent: name })));
  if (bodies.some(([name]) => name === format())) $("kind").value = format();
  $("body").value = "";
  if (bodies.length) fillExample();
  compose();
}

let rows = 0;

/** A parameter to be filled in: its name, its modifier where there are some, its value and what it means. */
function addRow(parameter, value = "") {
  const id = `row${(rows += 1)}`;
  const row = made("div", { className: "row" });
  const label = made("label", { htmlFor: id, textContent: parameter.name });
  if (parameter.required) label.append(made("em", { textContent: " required" }));
  const line = made("div", { className: "line" });
  const input = made("input", { id, type: "text", spellcheck: false, value, required: parameter.required ?? false });
  const schema = described.resolved(parameter.schema);
  if (schema.type === "object") {
    line.append(made("input", { type: "text", className: "name", placeholder: "name", ariaLabel: "name of the criterion" }));
  }
  if (parameter["x-fhir-modifiers"]) {
    const named = parameter["x-fhir-modifiers"].flatMap((one) => (one === "[type]" ? parameter["x-fhir-targets"] ?? [] : [one]));
    const modifiers = ["", ...named].map((one) => made("option", { value: one, textContent: one && `:${one}` }));
    line.append(made("select", { className: "modifier", ariaLabel: `modifier of ${parameter.name}` }, ...modifiers));
  }
  const values = schema.enum ?? schema.items?.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  if (values) {
    const list = made("datalist", { id: `${id}s` }, ...values.map((one) => made("option", { value: one })));
    input.setAttribute("list", list.id);
    row.append(list);
  }
  line.append(input);
  if (!parameter.required) {
    const drop = made("button", { type: "button", textContent: "✕", ariaLabel: `without ${parameter.name}` });
    drop.addEventListener("click", () => { row.remove(); compose(); $("add").focus(); });
    line.append(drop);
  }
  const said = [parameter.description, parameter["x-fhir-comparators"] && `Prefixes: ${parameter["x-fhir-comparators"].join(" ")}`];
  input.setAttribute("aria-describedby", `${id}d`);
  row.append(label, line, made("p", { id: `${id}d`, className: "said", textContent: said.filter(Boolean).join(" · ") }));
  Object.assign(row, { parameter, input });
  $("given").append(row);
  return input;
}

function segment(text) {
  return encodeURIComponent(text).replaceAll("%24", "$");
}

function criterion(text) {
  return encodeURIComponent(text).replace(/%(2C|3A|2F|7C|24)/g, decodeURIComponent);
}

/** Puts the request of the form into the bar. */
function compose() {
  let path = operation.path;
  const query = [];
  for (const row of $("given").children) {
    const { parameter, input } = row, value = input.value;
    if (parameter.in === "path") {
      path = path.replace(`{${parameter.name}}`, segment(value) || `{${parameter.name}}`);
    } else if (parameter.in === "query" && value) {
      const modifier = row.querySelector(".modifier")?.value, name = row.querySelector(".name")?.value ?? parameter.name;
      query.push(`${criterion(modifier ? `${name}:${modifier}` : name)}=${criterion(value)}`);
    }
  }
  $("method").value = operation.method;
  $("url").value = path.replace(/^\//, "") + (query.length ? `?${query.join("&")}` : "");
}

function fillExample() {
  const [kind, { schema }] = described.bodies(operation).find(([name]) => name === $("kind").value);
  if (/form-urlencoded/.test(kind)) $("body").value = "_count=10";
  else if (/json-patch/.test(kind)) $("body").value = JSON.stringify([{ op: "add", path: "/language", value: "en" }], null, 2);
  else {
    const json = described.bodies(operation).find(([name]) => /fhir\+json/.test(name))?.[1].schema ?? schema;
    const filling = operation.path === "/" ? BATCH : described.example(json), { resourceType, ...rest } = filling;
    const id = [...$("given").children].find((row) => row.parameter.name === "id")?.input.value;
    const identified = operation.method === "PUT" && operation.path.includes("{id}") ? { id: id || "id" } : {};
    const filled = resourceType ? { resourceType, ...identified, ...rest } : filling;
    $("body").value = /xml/.test(kind) ? asXml(filled, resourceType, described, json) : JSON.stringify(filled, null, 2);
  }
  example = $("body").value;
}

/** The body goes along with the format, unless somebody has written it. */
function takeFormat() {
  if ($("body").value !== example || ![...$("kind").options].some((one) => one.value === format())) return;
  $("kind").value = format();
  fillExample();
}

/** The request as it stands in the bar and the form. */
function request() {
  const method = $("method").value, headers = { Accept: format() };
  for (const { parameter, input } of $("given").children) {
    if (parameter.in === "header" && input.value) headers[parameter.name] = input.value;
  }
  const asked = { method, url: $("url").value.replace(/^\//, ""), headers };
  if (["POST", "PUT", "PATCH"].includes(method) && !$("sending").hidden && $("body").value) {
    headers["Content-Type"] = $("kind").value;
    asked.body = $("body").value;
  }
  return asked;
}

// ---- what is answered

async function send(asked) {
  const unfilled = asked.url.match(/\{(\w+)\}/);
  if (unfilled) {
    say("warn", `The ${unfilled[1]} is missing.`);
    [...$("given").children].find((row) => row.parameter.name === unfilled[1])?.input.focus();
    return;
  }
  say("", "…");
  const { method, headers, body } = asked, began = performance.now();
  try {
    const address = asked.url && !asked.url.startsWith("?") ? `${here}/${asked.url}` : here + asked.url;
    const answer = await fetch(address, { method, headers, body, cache: "no-store" });
    const contentType = answer.headers.get("content-type") ?? "", bytes = await answer.arrayBuffer();
    const readable = /^text\/|json|xml|urlencoded/.test(contentType) || !bytes.byteLength;
    keep({
      asked, contentType, status: answer.status, phrase: answer.statusText, size: bytes.byteLength, took: performance.now() - began,
      headers: [...answer.headers], at: new Date(),
      text: readable ? new TextDecoder().decode(bytes) : `${bytes.byteLength} bytes of ${contentType}`,
    });
  } catch (error) {
    say("bad", `No answer: ${error.message}`);
  }
}

function say(kind, text, more = "") {
  $("status").replaceChildren(made("strong", { className: kind, textContent: text }), more);
}

function shown(exchange) {
  const { status, phrase, size, took, contentType } = exchange;
  const kind = status < 300 ? "good" : status < 400 ? "warn" : "bad";
  say(kind, `${status} ${phrase}`.trim(), `${Math.round(took)} ms · ${size.toLocaleString("en")} bytes`);
  $("heads").hidden = false;
  $("headers").replaceChildren(...exchange.headers.map(([name, value]) => {
    const target = /location$/.test(name) ? link(value) : null;
    const cell = target === null ? value : made("a", { href: `#${target}`, textContent: value });
    return made("tr", {}, made("th", { scope: "row", textContent: name }), made("td", {}, cell));
  }));
  $("text").hidden = !exchange.text;
  show($("text"), exchange.text, contentType, link);
  $("text").scrollTop = 0;
}

const kept = [];

/** Shows an exchange and notes it down: for this page alone, nothing is stored. */
function keep(exchange) {
  kept.unshift(exchange);
  kept.splice(MOST_KEPT);
  $("none").hidden = true;
  $("made").replaceChildren(...kept.map((one) => {
    const { method, url } = one.asked, kind = one.status < 300 ? "good" : one.status < 400 ? "warn" : "bad";
    const again = made("button", { type: "button" }, made("b", { className: method, textContent: method }),
      made("span", { textContent: url || "/" }), made("strong", { className: kind, textContent: one.status }),
      made("time", { dateTime: one.at.toISOString(), textContent: one.at.toLocaleTimeString() }));
    again.addEventListener("click", () => {
      $("method").value = method;
      $("url").value = url;
      if (one.asked.body !== undefined && !$("sending").hidden) $("body").value = one.asked.body;
      shown(one);
      $("answer").focus();
    });
    return made("li", {}, again);
  }));
  shown(exchange);
}

/** The request as a command. */
function curl({ method, url, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const address = url && !url.startsWith("?") ? `${described.base}/${url}` : described.base + url;
  const parts = ["curl", method === "HEAD" ? "--head" : `-X ${method}`, quoted(address)];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) parts.push(`--data-binary ${quoted(body)}`);
  return parts.join(" ");
}

/** A link was followed: what stands behind # is a path below the base, and it is got. */
function follow() {
  const target = location.hash.slice(1);
  if (!target || document.getElementById(target)) return;
  $("method").value = "GET";
  $("url").value = target;
  send({ method: "GET", url: target, headers: { Accept: format() } });
}

async function start() {
  const place = `${root}openapi/${tenant}`;
  $("document").href = place;
  const answer = await fetch(place);
  if (!answer.ok) throw new Error(`${place} answers ${answer.status}`);
  described = new Described(await answer.json());
  link = linksBelow(described.base, described.types);
  $("title").textContent = "FHIR R4";
  $("base").textContent = described.base;
  $("type").replaceChildren(...described.tags.map((tag) => made("option", { textContent: tag.name })));
  $("type").value = described.types.includes("Patient") ? "Patient" : described.tags[0].name;
  chooseType();

  $("type").addEventListener("change", chooseType);
  $("interactions").addEventListener("change", chooseInteraction);
  $("given").addEventListener("input", () => {
    if (!$("sending").hidden && $("body").value === example) fillExample();
    compose();
  });
  $("given").addEventListener("change", compose);
  $("add").addEventListener("change", () => {
    const [place, name] = $("add").value.split(" ");
    $("add").value = "";
    const parameter = described.parameters(operation).find((one) => one.in === place && one.name === name);
    if (parameter) addRow(parameter).focus();
  });
  $("kind").addEventListener("change", fillExample);
  for (const radio of document.getElementsByName("format")) radio.addEventListener("change", takeFormat);
  $("example").addEventListener("click", fillExample);
  $("asking").addEventListener("submit", (event) => { event.preventDefault(); send(request()); });
  $("bar").addEventListener("submit", (event) => { event.preventDefault(); send(request()); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(request()); }
  });
  $("curl").addEventListener("click", async () => {
    const command = curl(request());
    try {
      await navigator.clipboard.writeText(command);
      say("good", "Copied.", command);
    } catch {
      say("", "The command: ", command); // no clipboard without https
    }
  });
  window.addEventListener("hashchange", follow);
  $("answer").addEventListener("click", (event) => {
    if (event.target.hash && event.target.hash === location.hash) follow(); // the same link once more
  });
  follow();
}

start().catch((error) => say("bad", `The document cannot be read: ${error.message}`));
