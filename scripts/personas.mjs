// `npm run personas`: checks the files in personas/ and scenarios/ and prints what there is.
//
// The Worker's own code reads the files, so what passes here is what a deployment takes. Not here:
// what a file may say (docs/synthetic.md), and bundling (build.mjs).

import { buildForChecks } from "./build.mjs";
import { describeError } from "./lib/assistants.mjs";
import { columns, readCommandLine } from "./lib/cli.mjs";
import { checkPersonas, readPersonas } from "./lib/personas.mjs";
import { command, print, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";

const HELP = `npm run personas [-- --json]

Checks the files in personas/ and scenarios/ and prints them: id, name, what it is about. Each error names its file, line and
field, and what would be right. Nothing is deployed or changed.

  --json   print the result as JSON
  --help   print this

Exit code: 0 if all files are right, 1 otherwise, 2 if the command line is wrong.`;

/** The longest description in the table. */
const WIDTH = 70;

await command(async (args) => {
  const line = readCommandLine(args, { flags: ["json"] });
  if (!line) return print(HELP);
  await setUpNode();
  const built = await buildForChecks();
  const check = await checkPersonas(built, readPersonas());
  if (line.values.json) print(JSON.stringify(check, null, 2));
  else show(check);
  const { length } = check.errors;
  if (length > 0)
    throw new UserError(
      `${length} ${length === 1 ? "error" : "errors"} in personas/ and scenarios/.`,
    );
});

/** @param {import("./lib/personas.mjs").Check} check */
function show({ errors, agents, customers, scenarios }) {
  for (const error of errors) print(describeError(error));
  for (const [kind, all] of Object.entries({ agents, customers, scenarios })) {
    if (all.length === 0) continue;
    print(`${kind}: ${all.length}`);
    const rows = all.map(({ id, name, about, detail }) => [id, name ?? "-", short(about), detail]);
    for (const text of columns(rows)) print(text);
  }
}

function short(text) {
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 1)}…`;
}
