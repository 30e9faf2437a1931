// What the OpenAPI document says, read as the page needs it.

const METHODS = ["get", "post", "put", "patch", "delete"];
// What is asked for most stands first; the rest stays in the order of the document.
const FIRST = ["search-type", "search-system", "capabilities", "batch", "read", "create", "update", "patch", "delete"];

function rank({ operationId }) {
  const [interaction, , further] = operationId.split(".");
  return further || !FIRST.includes(interaction) ? FIRST.length : FIRST.indexOf(interaction);
}

/** A resource as XML, with its elements in the order of its schema. */
export function asXml(value, name, described, schema, depth = 0) {
  const indent = "  ".repeat(depth), text = (one) => String(one).replace(/[&<"]/g, (c) => `&#${c.charCodeAt(0)};`);
  if (Array.isArray(value)) return value.map((one) => asXml(one, name, described, schema?.items, depth)).join("");
  if (name === "div") return `${indent}${value}\n`;
  if (typeof value !== "object") return `${indent}<${name} value="${text(value)}"/>\n`;
  const { properties = {} } = described.resolved(schema);
  const order = [...Object.keys(properties), ...Object.keys(value)].filter((key, n, all) => key in value && all.indexOf(key) === n);
  const inside = order.filter((key) => key !== "resourceType").map((key) => asXml(value[key], key, described, properties[key], depth + 1));
  return `${indent}<${name}${depth ? "" : ' xmlns="http://hl7.org/fhir"'}>\n${inside.join("")}${indent}</${name}>\n`;
}

export class Described {
  constructor(document) {
    this.document = document;
    this.base = document.servers[0].url;
    this.tags = document.tags;
    this.types = document.tags.slice(1).map((tag) => tag.name);
    this.operations = new Map(this.tags.map((tag) => [tag.name, []]));
    for (const [path, item] of Object.entries(document.paths)) {
      for (const method of METHODS.filter((one) => one in item)) {
        const operation = item[method];
        for (const tag of operation.tags) {
          this.operations.get(tag)?.push({ path, method: method.toUpperCase(), shared: item.parameters ?? [], ...operation });
        }
      }
    }
    for (const operations of this.operations.values()) operations.sort((one, other) => rank(one) - rank(other));
  }

  at(reference) {
    return reference.slice(2).split("/").reduce((node, key) => node[key.replaceAll("~1", "/").replaceAll("~0", "~")], this.document);
  }

  resolved(node) {
    while (node?.$ref) node = this.at(node.$ref);
    return node ?? {};
  }

  /** All parameters of an operation, its own before those of the path. */
  parameters(operation) {
    return [...operation.parameters, ...operation.shared].map((one) => this.resolved(one));
  }

  /** Media types of the body, and the schema of each; empty if there is none. */
  bodies(operation) {
    return Object.entries(this.resolved(operation.requestBody).content ?? {}).filter(([name]) => name !== "*/*");
  }

  /** A value that a schema allows: only what must be there, and what gives an idea. */
  example(schema, depth = 0) {
    schema = this.resolved(schema);
    if (schema.examples) return schema.examples[0];
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return schema.enum[0];
    if (schema.type === "array") return [this.example(schema.items, depth)];
    if (schema.type === "object") {
      const made = {};
      for (const name of schema.required ?? []) made[name] = this.example(schema.properties?.[name] ?? {}, depth + 1);
      if (depth && !schema.required) {
        const name = ["text", "reference", "value", "display", "family", "div"].find((one) => one in (schema.properties ?? {}));
        if (name) made[name] = this.example(schema.properties[name], depth + 1);
      }
      return made;
    }
    return { boolean: true, integer: 1, number: 1 }[schema.type] ?? "text";
  }
}
