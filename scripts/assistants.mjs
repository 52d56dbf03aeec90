// `npm run assistants`: checks the files in assistants/ and prints a table of the assistants.
//
// The Worker's own code reads the files, so what passes here is what a deployment takes. Not here:
// what a file may say (docs/assistants.md), and bundling (build.mjs).

import { buildForChecks } from "./build.mjs";
import { checkAssistants, describeError, fileErrors, readAssistants } from "./lib/assistants.mjs";
import { columns, readCommandLine } from "./lib/cli.mjs";
import { devVars } from "./lib/local.mjs";
import { command, print, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";

const HELP = `npm run assistants [-- --json]

Checks the files in assistants/ and prints a table: name, numbers, model, tools, intake, hand-off. Each error names its
file, line and field, and what would be right. Nothing is deployed or changed.

  --json   print the result as JSON
  --help   print this

Secrets that files name are looked for in .dev.vars. Missing ones are listed: the Worker answers 503 without them.

Exit code: 0 if all files are right, 1 otherwise, 2 if the command line is wrong.`;

await command(async (args) => {
  const line = readCommandLine(args, { flags: ["json"] });
  if (!line) return print(HELP);
  await setUpNode();
  const built = await buildForChecks();
  const files = readAssistants();
  const check = await checkAssistants(built, files, devVars());
  if (line.values.json) print(JSON.stringify(check, null, 2));
  else show(check);
  const errors = fileErrors(check);
  if (errors.length > 0)
    throw new UserError(
      `${errors.length} ${errors.length === 1 ? "error" : "errors"} in assistants/.`,
    );
});

function show(check) {
  for (const error of fileErrors(check)) print(describeError(error));
  if (check.assistants.length > 0) {
    const row = ({ name, numbers, model, tools, intake, hand_off, local_only }) => [
      name,
      numbers.join(", ") || "all others",
      model,
      tools.join(", ") || "-",
      intake > 0 ? `${intake} fields` : "-",
      hand_off ? "yes" : "-",
      local_only ? "local only" : "deployed",
    ];
    const head = ["name", "numbers", "model", "tools", "intake", "hand-off", "where"];
    for (const line of columns([head, ...check.assistants.map(row)])) print(line);
  }
  for (const name of check.missing_secrets)
    print(
      `${name} is not in .dev.vars. Set it there, and for a deployment: npx wrangler secret put ${name}`,
    );
}
