// `npm run bench -- --profile forged` (or refused, health, turns): shows the functions that use the
// most CPU time of Switchboard and of the Hono Worker, sampled by workerd's inspector. It also
// writes the whole profile as a .cpuprofile file for a browser's developer tools.
//
// A profile shows where to look, but it slows the program down, so no figure in RESULTS.md comes
// from here.

import fs from "node:fs";
import path from "node:path";
import { inRoot } from "../scripts/lib/project.mjs";
import { print } from "../scripts/lib/run.mjs";
import { startModel, startSubject } from "./servers.mjs";

const SAMPLE_MICROSECONDS = 200;

/**
 * Profiles `load(subject)` for each of the named subjects, prints the heaviest functions and writes
 * the profiles.
 */
export async function profile(name, subjects, load) {
  const model = await startModel();
  for (const title of subjects) {
    const subject = await startSubject(title, { model, inspected: true });
    await load(subject, 0);
    const inspector = await connect(subject.inspectorUrl);
    await inspector.ask("Profiler.enable");
    await inspector.ask("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
    await inspector.ask("Profiler.start");
    await load(subject, 1);
    const { profile: taken } = await inspector.ask("Profiler.stop");
    inspector.close();
    await subject.close();
    const file = inRoot("build", "bench", `${name}-${title}.cpuprofile`);
    fs.writeFileSync(file, JSON.stringify(taken));
    print(
      `\n${subject.title}, ${name}: share of the samples in the function itself (${path.relative(inRoot(), file)})`,
    );
    for (const [where, share] of heaviest(taken, 25))
      print(`  ${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  }
  await model.close();
}

// The shares do not include idle time.
function heaviest({ nodes, samples }, most) {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber, columnNumber } }) => [
      id,
      `${functionName || "(anonymous)"}${url ? `  ${url}:${lineNumber + 1}:${columnNumber + 1}` : ""}`,
    ]),
  );
  const hits = new Map();
  for (const id of samples) hits.set(names.get(id), (hits.get(names.get(id)) ?? 0) + 1);
  hits.delete("(idle)");
  const all = [...hits.values()].reduce((sum, count) => sum + count, 0);
  return [...hits]
    .map(([where, count]) => [where, count / all])
    .sort((a, b) => b[1] - a[1])
    .slice(0, most);
}

async function connect(url) {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`${url}/json/list`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")));
  });
  const waiting = new Map();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const { resolve, reject } = waiting.get(id) ?? {};
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
  });
  let last = 0;
  return {
    ask(method, params = {}) {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    close: () => socket.close(),
  };
}
