// Reads and damages the storage of a local Worker, whose directory is the first parameter: KV and
// Durable Objects, as the runtime stores them in SQLite files.

import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * The entries of KV: `[{ key, value, expiration, metadata }]`, with values as text and the
 * expiration in ms since 1970.
 */
export function kv(directory) {
  const dir = path.join(directory, "state", "v3", "kv");
  return below(dir, ".sqlite").flatMap((file) =>
    rows(file, "_mf_entries").map(({ key, blob_id: blob, expiration, metadata }) => {
      const value = below(dir).find((other) => path.basename(other) === blob);
      return { key, value: value && fs.readFileSync(value, "utf8"), expiration, metadata };
    }),
  );
}

/**
 * The Durable Objects of the class `className`: `[{ id, name, alarm, tables }]`. The alarm is in ms
 * since 1970, or undefined. `tables` has the rows by table name; `_cf_KV` has the values that
 * `storage.put` wrote, serialised by the runtime.
 *
 * @returns {{ id: string, name: any, alarm: number | undefined, tables: Record<string, any[]> }[]}
 */
export function objects(directory, className) {
  const dir = path.join(directory, "state", "v3", "do", `switchboard-${className}`);
  const files = below(dir, ".sqlite");
  const alarms = files
    .filter((file) => path.basename(file) === "metadata.sqlite")
    .flatMap((file) => rows(file, "_cf_ALARM"));
  return files
    .filter((file) => path.basename(file) !== "metadata.sqlite")
    .map((file) => {
      const id = path.basename(file, ".sqlite");
      const alarm = alarms.find((row) => row.actor_id === id)?.scheduled_time;
      const tables = Object.fromEntries(
        tableNames(file).map((table) => [table, rows(file, table)]),
      );
      const name = tables.__miniflare_do_name?.[0]?.name;
      delete tables.__miniflare_do_name;
      return { id, name, alarm: alarm && Number(alarm) / 1e6, tables };
    });
}

/**
 * Overwrites the value that the object `name` of the class `className` has stored under `key`. The
 * Worker must not be running.
 */
export function overwrite(directory, className, name, key, bytes) {
  const found = objects(directory, className).find((object) => object.name === name);
  if (!found) throw new Error(`there is no ${className} named ${name}`);
  const database = new DatabaseSync(
    path.join(directory, "state", "v3", "do", `switchboard-${className}`, `${found.id}.sqlite`),
  );
  try {
    const { changes } = database
      .prepare("UPDATE _cf_KV SET value = ? WHERE key = ?")
      .run(bytes, key);
    if (changes !== 1) throw new Error(`${name} has stored nothing under ${key}`);
  } finally {
    database.close();
  }
}

/**
 * The names of the files that contain `text` in UTF-8 or UTF-16: KV, objects and write-ahead logs.
 */
export function filesWith(directory, text) {
  const state = path.join(directory, "state");
  const needles = [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le")];
  return below(state)
    .filter((file) => needles.some((needle) => fs.readFileSync(file).includes(needle)))
    .map((file) => path.relative(state, file));
}

function below(dir, suffix = "") {
  if (!fs.existsSync(dir)) return [];
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function tableNames(file) {
  return query(
    file,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  ).map(({ name }) => name);
}

function rows(file, table) {
  return tableNames(file).includes(table) ? query(file, `SELECT * FROM "${table}"`) : [];
}

// Read-only, because the runtime has the file open as well.
function query(file, sql) {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement
      .all()
      .map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
      );
  } finally {
    database.close();
  }
}

// Nanoseconds since 1970 lose precision as a number; all other integers are exact.
function plain(value) {
  return typeof value === "bigint" ? Number(value) : value;
}
