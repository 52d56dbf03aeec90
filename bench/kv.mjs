// The part of Workers KV that workerd's binding uses, in memory and in a separate process: as on
// Cloudflare, its work is not the Worker's. It counts the requests, for the table of billable
// operations.
//
// `node kv.mjs` prints the port that it listens on. The runtime requests GET, PUT or DELETE of
// /{key}, the bench GET /?counts.

import http from "node:http";
import { portOf } from "../scripts/lib/local.mjs";

const entries = new Map();
const counts = { reads: 0, writes: 0, deletes: 0 };

const server = http.createServer((request, response) => {
  const [path, query = ""] = String(request.url).split("?");
  if (path === "/") return response.end(JSON.stringify({ ...counts, entries: entries.size }));
  if (request.method === "GET") {
    counts.reads += 1;
    const entry = entries.get(path);
    if (!entry || entry.expires <= Date.now()) return response.writeHead(404).end();
    return response.end(entry.value);
  }
  if (request.method === "DELETE") {
    counts.deletes += 1;
    entries.delete(path);
    return response.end();
  }
  counts.writes += 1;
  const ttl = Number(new URLSearchParams(query).get("expiration_ttl") ?? Infinity);
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    entries.set(path, { value: Buffer.concat(chunks), expires: Date.now() + ttl * 1000 });
    response.end();
  });
});
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => console.log(portOf(server)));

setInterval(() => {
  for (const [key, { expires }] of entries) if (expires <= Date.now()) entries.delete(key);
}, 10_000);
