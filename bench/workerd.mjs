// The configuration of `workerd serve` for one Worker.

import { readText } from "../scripts/lib/project.mjs";

/**
 * The text of config.capnp: the Worker's modules, its settings and objects, KV at `kvPort`, and the
 * socket at `port`.
 */
export function workerdConfig(objects, modules, settings, port, kvPort) {
  const text = (value) => JSON.stringify(value);
  const moduleOf = (file) =>
    `(name = ${text(file)}, ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(file)})`;
  const namespace = ([, name]) =>
    `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`;
  const bindings = [
    ...Object.entries(settings).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
    ...objects.map(
      ([binding, name]) => `(name = ${text(binding)}, durableObjectNamespace = ${text(name)})`,
    ),
    `(name = "CONVERSATIONS", kvNamespace = "kv")`,
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.map(moduleOf).join(", ")}],
      compatibilityDate = ${text(compatibilityDate())},
      bindings = [${bindings.join(",\n        ")}],
      globalOutbound = "loopback",
      durableObjectNamespaces = [${objects.map(namespace).join(", ")}],
      durableObjectStorage = (localDisk = "storage"),
    )),
    (name = "kv", external = (address = "127.0.0.1:${kvPort}", http = ())),
    (name = "loopback", network = (allow = ["local"])),
    (name = "storage", disk = (path = "storage", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}

/** The objects of wrangler.toml: pairs of a binding and a class. */
export function deployedObjects() {
  const object = /^\[\[durable_objects\.bindings\]\]\nname = "(\w+)"\nclass_name = "(\w+)"/gm;
  const objects = [...readText("wrangler.toml").matchAll(object)].map(([, ...pair]) => pair);
  if (objects.length === 0) throw new Error("no objects in wrangler.toml");
  return objects;
}

/** The compatibility date of wrangler.toml, for all Workers. */
export function compatibilityDate() {
  return firstGroup(readText("wrangler.toml"), /^compatibility_date = "([\d-]+)"/m);
}

/** The first group of `pattern` in `text`. Throws if it does not match. */
export function firstGroup(text, pattern) {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no match for ${pattern}`);
  return found;
}
