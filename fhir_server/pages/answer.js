// The text of an answer as elements: laid out, coloured, with links. Only textContent is ever set, and every digit stays.

const MOST = 400_000; // characters that are coloured; longer texts are shown plain
const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;
const XML_TOKEN = /<[^>]*>|[^<]+/g;
const ATTRIBUTE = /"[^"]*"/g;

function coloured(kind, text) {
  const made = document.createElement("i");
  made.className = kind;
  made.textContent = text;
  return made;
}

function linked(text, target) {
  const made = document.createElement("a");
  made.href = `#${target}`;
  made.textContent = text;
  return made;
}

/** Elements of a text in quotes; link: what it points to below the base, or null. */
function quoted(text, link) {
  let value = text.slice(1, -1);
  try { value = JSON.parse(text); } catch { /* shown as it is */ }
  const target = link(value);
  return target === null ? [coloured("s", text)] : ['"', linked(text.slice(1, -1), target), '"'];
}

/** JSON laid out by its tokens alone, so that 1.00 stays 1.00. */
function json(text, link) {
  const out = [];
  let depth = 0, before = "";
  const line = () => out.push("\n" + "  ".repeat(depth));
  const tokens = text.match(JSON_TOKEN) ?? [];
  tokens.forEach((token, n) => {
    const after = tokens[n + 1];
    if ("}]".includes(token)) {
      depth -= 1;
      if (!"{[".includes(before)) line();
      out.push(token);
    } else if ("{[".includes(token)) {
      out.push(token);
      depth += 1;
      if (!"}]".includes(after)) line();
    } else if (token === ",") {
      out.push(token);
      line();
    } else if (token === ":") {
      out.push(": ");
    } else if (token[0] === '"') {
      out.push(...(after === ":" ? [coloured("k", token)] : quoted(token, link)));
    } else {
      out.push(coloured("n", token));
    }
    before = token;
  });
  return out;
}

function xml(text, link) {
  const out = [];
  let depth = 0;
  for (const token of text.match(XML_TOKEN) ?? []) {
    if (!token.trim()) continue;
    if (token.startsWith("</")) depth -= 1;
    if (out.length) out.push("\n" + "  ".repeat(Math.max(depth, 0)));
    if (token[0] !== "<") {
      out.push(token.trim());
      continue;
    }
    let place = 0;
    for (const value of token.matchAll(ATTRIBUTE)) {
      out.push(coloured("k", token.slice(place, value.index)), ...quoted(value[0], (one) => link(one.replaceAll("&amp;", "&"))));
      place = value.index + value[0].length;
    }
    out.push(coloured("k", token.slice(place)));
    if (!/^<[/?!]|\/>$/.test(token)) depth += 1;
  }
  return out;
}

/** Shows a text in an element. link: from a string in it to the path below the base that it points to, or null. */
export function show(element, text, contentType, link) {
  const read = /json/.test(contentType) ? json : /xml/.test(contentType) ? xml : null;
  if (read && text.length <= MOST) element.replaceChildren(...read(text, link));
  else element.textContent = text;
}

/** A function from a string to the path below the base that it points to: absolute URLs, Patient/1, Patient/1/_history/2. */
export function linksBelow(base, types) {
  const relative = new RegExp(`^(?:${types.join("|")})/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?$`);
  return (text) => {
    if (text.startsWith(`${base}/`) || text.startsWith(`${base}?`)) return text.slice(base.length).replace(/^\//, "");
    return relative.test(text) ? text : null;
  };
}
