// The files of assistants on this machine: where the services are that they name.

import assert from "node:assert/strict";
import { test } from "node:test";
import { localAssistants } from "../../scripts/lib/local-assistants.mjs";

const LOCAL = 'local_only = true\nurl = "http://127.0.0.1:8788/tools/orders"\n';

test("the services of local assistants are those of the playground that runs", () => {
  const [file] = localAssistants([{ name: "front-desk", text: LOCAL }], "http://127.0.0.1:9999/");
  assert.deepEqual(file, {
    name: "front-desk",
    text: 'local_only = true\nurl = "http://127.0.0.1:9999/tools/orders"\n',
  });
});

test("other files, and other ports, stay as they are", () => {
  const files = [
    { name: "deployed", text: LOCAL.replace("true", "false") },
    { name: "comment", text: `# ${LOCAL}` },
    { name: "port", text: 'local_only = true\nurl = "http://127.0.0.1:87880/x"\n' },
  ];
  assert.deepEqual(localAssistants(files, "http://127.0.0.1:9999"), files);
});
