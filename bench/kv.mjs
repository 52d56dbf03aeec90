// Workers KV, as far as a binding of workerd asks for it, in the memory of a process of its own:
// its work is no part of the Worker's, as on Cloudflare. Counts what it is asked, for the table of
// billable operations.
//
// `node kv.mjs`: prints the port that it listens on. The runtime asks GET, PUT or DELETE of /{key};
// the bench asks GET /?counts.

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
