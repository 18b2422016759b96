// The API described from its own OpenAPI text, without anything from elsewhere.

import { make } from "/page/answer.js";

const holder = document.getElementById("docs");
const token = sessionStorage.getItem("skelzero-token");

function named(schema, all) {
  return schema?.$ref ? all[schema.$ref.split("/").pop()] : schema;
}

function kindOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" or ");
  if (schema.type === "array") return `list of ${kindOf(schema.items ?? schema.prefixItems?.[0] ?? {})}`;
  if (schema.type === "object" && schema.additionalProperties) return `object of ${kindOf(schema.additionalProperties)}`;
  return schema.contentMediaType || schema.format === "binary" ? "file" : schema.type ?? "any";
}

function table(head, rows) {
  const line = (tag, cells) => make("tr", {}, ...cells.map((textContent) => make(tag, { textContent })));
  return make("table", {}, make("thead", {}, line("th", head)), make("tbody", {}, ...rows.map((r) => line("td", r))));
}

function fields(schema) {
  const needed = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, s]) => [needed.has(name) ? `${name} *` : name, kindOf(s),
    [s.description, s.default !== undefined && s.default !== "" ? `default ${JSON.stringify(s.default)}` : ""]
      .filter(Boolean).join("; ")]);
}

function operation(path, verb, about, all) {
  const card = make("section", { className: "card" }, make("h2", {},
    make("span", { className: "verb", textContent: verb.toUpperCase() }), make("code", { textContent: path })));
  card.append(make("p", { textContent: about.description ?? about.summary }));
  const body = about.requestBody && named(Object.values(about.requestBody.content)[0].schema, all);
  const rows = [...(about.parameters ?? []).map((p) => [`${p.name} (in the ${p.in})`, kindOf(p.schema), p.description ?? ""]),
                ...(body ? fields(body) : [])];
  if (rows.length) card.append(make("h3", { textContent: "Fields" }), table(["name", "kind", "meaning"], rows));
  card.append(make("h3", { textContent: "Answers" }), table(["status", "form", "meaning"],
    Object.entries(about.responses).map(([status, r]) => {
      const schema = r.content?.["application/json"]?.schema;
      return [status, schema ? kindOf(schema) : Object.keys(r.content ?? {})[0] ?? "", r.description];
    })));
  return card;
}

try {
  const response = await fetch("/openapi.json", { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (!response.ok) throw new Error((await response.json()).error.what);
  const text = await response.json();
  const all = text.components?.schemas ?? {};
  holder.replaceChildren(
    make("section", { className: "card" },
      ...text.info.description.split("\n\n").map((textContent) => make("p", { textContent }))),
    ...Object.entries(text.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, about]) => operation(path, verb, about, all))),
    make("section", { className: "card" }, make("h2", { textContent: "Forms" }), ...Object.entries(all)
      .filter(([name, schema]) => schema.properties && !name.startsWith("Body_"))
      .flatMap(([name, schema]) => [make("h3", { textContent: name }), table(["name", "kind", "meaning"], fields(schema))])));
} catch (error) {
  holder.replaceChildren(make("section", { className: "card", textContent: `The description cannot be read: ${error.message}. `
    + "If the server asks for a token, give it on the page first." }));
}
