// Starts `bn-lint server`, and shows what it says.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const SETTINGS = ["select", "extendSelect", "ignore", "inlayHints", "project"];
let client;

function options() {
  const section = vscode.workspace.getConfiguration("bn-lint");
  // What nobody has set is left out: VS Code has an empty list for it, which would turn off all rules.
  const set = SETTINGS.filter((key) => {
    const { globalValue, workspaceValue, workspaceFolderValue } = section.inspect(key);
    return [globalValue, workspaceValue, workspaceFolderValue].some((value) => value !== undefined);
  });
  return Object.fromEntries(set.map((key) => [key, section.get(key)]));
}

async function start() {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? ".";
  const [command, ...args] = vscode.workspace
    .getConfiguration("bn-lint")
    .get("command")
    .map((part) => part.replace("${workspaceFolder}", folder));
  client = new LanguageClient(
    "bn-lint",
    { command, args, options: { cwd: folder } },
    {
      documentSelector: [{ language: "python" }, { notebook: "jupyter-notebook", language: "python" }],
      initializationOptions: options(),
    },
  );
  await client.start();
}

async function restart() {
  await client?.stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("bn-lint.restart", restart),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("bn-lint.command")) {
        await restart();
      } else if (event.affectsConfiguration("bn-lint")) {
        await client?.sendNotification("workspace/didChangeConfiguration", { settings: { "bn-lint": options() } });
      }
    }),
  );
  await start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
