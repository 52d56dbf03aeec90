// The configuration of `workerd serve` for one Worker.

import { readText } from "../scripts/lib/project.mjs";

/**
 * The text of config.capnp: the Worker's modules, its settings and objects, KV at `kvPort`, and the
 * socket at `port`.
 */
export function workerdConfig(classes, modules, settings, port, kvPort) {
  const text = (value) => JSON.stringify(value);
  const moduleOf = (file) =>
    `(name = ${text(file)}, ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(file)})`;
  const namespace = (name) =>
    `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`;
  const bindings = [
    ...Object.entries(settings).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
    ...classes.map(
      (name) => `(name = ${text(bindingOf(name))}, durableObjectNamespace = ${text(name)})`,
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
      durableObjectNamespaces = [${classes.map(namespace).join(", ")}],
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

// The binding of a Durable Object class: AdminLockoutObject is ADMIN_LOCKOUT.
function bindingOf(className) {
  if (className === "BatchListObject") return "BATCHES";
  return className
    .replace(/Object$/, "")
    .replace(/(?!^)[A-Z]/g, "_$&")
    .toUpperCase();
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
