// Completion of the command line in a shell, made from the commands themselves. A script knows all commands, their options
// and the choices of their values; where a value is free, the shell offers files.

import { Argument, Command } from "commander";
import { RivuletError } from "../error.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** Is a command with what may follow it. */
interface Place {
  /** The words before, without `rivulet`: "snapshots export". */
  readonly path: string;
  readonly children: readonly { readonly word: string; readonly says: string }[];
  readonly options: readonly {
    readonly word: string;
    readonly says: string;
    readonly takesValue: boolean;
    readonly choices: readonly string[];
  }[];
  readonly choices: readonly string[];
}

/** Prints a script that completes commands, options and their choices. */
export function completionCommand(program: () => Promise<Command>): Command {
  return new Command("completion")
    .description("print a script that completes commands and options in a shell")
    .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(await program(), shell));
    });
}

/** Writes the script for a shell. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, "");
  switch (shell) {
    case "bash":
      return bashScript(places);
    case "zsh":
      return zshScript(places);
    case "fish":
      return fishScript(places);
    default:
      throw new RivuletError("usage", `there is no script for ${String(shell)}`);
  }
}

function placesOf(command: Command, path: string): readonly Place[] {
  const place: Place = {
    path,
    children: command.commands.map((child) => ({ word: child.name(), says: child.description() })),
    options: command.options
      .filter(({ long, hidden }) => long != null && !hidden)
      .map(({ long, description, required, optional, argChoices }) => ({
        word: long ?? "",
        says: description,
        takesValue: required || optional,
        choices: argChoices ?? [],
      })),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
  const below = command.commands.flatMap((child) =>
    placesOf(child, path === "" ? child.name() : `${path} ${child.name()}`),
  );
  return [{ ...place, options: [...place.options, HELP] }, ...below];
}

const HELP = { word: "--help", says: "tell what there is", takesValue: false, choices: [] };

/** Goes along the words before the one to complete: `at` is the command that they lead to. In bash and zsh alike. */
function walk(places: readonly Place[], words: string): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `  local at="" word next
  for word in ${words}; do
    next="\${at:+$at }$word"
    case "$next" in
      ${known.join("|")}) at="$next" ;;
    esac
  done`;
}

function bashScript(places: readonly Place[]): string {
  const words = places.map(({ path, children, options, choices }) => {
    const all = [...children.map(({ word }) => word), ...choices, ...options.map(({ word }) => word)];
    return `    ${quoted(path)}) words=${quoted(all.join(" "))} ;;`;
  });
  return `# Completes rivulet in bash: source <(rivulet completion bash)
_rivulet() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
${walk(places, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
  case "$at $before" in
${valueCases(places, (choices) => `words=${quoted(choices.join(" "))}`, "COMPREPLY=(); return 0")}
    *) case "$at" in
${words.join("\n")}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -o bashdefault -F _rivulet rivulet
`;
}

function zshScript(places: readonly Place[]): string {
  const told = (word: string, says: string) => quoted(`${word}:${oneLine(says)}`);
  const cases = places.map(({ path, children, options, choices }) => {
    const first = [
      ...children.map(({ word, says }) => told(word, says)),
      ...choices.map((choice) => told(choice, choice)),
    ];
    return `    ${quoted(path)})
      commands=(${first.join(" ")})
      options=(${options.map(({ word, says }) => told(word, says)).join(" ")}) ;;`;
  });
  return `#compdef rivulet
# Completes rivulet in zsh: put this into a file _rivulet in a folder of $fpath, or source <(rivulet completion zsh).
_rivulet() {
  local before="\${words[CURRENT-1]}"
  local -a commands options
${walk(places, `\${words[2,CURRENT-1]}`)}
  case "$at $before" in
${valueCases(places, (choices) => `compadd -- ${choices.map(quoted).join(" ")}; return`, "_files; return")}
  esac
  case "$at" in
${cases.join("\n")}
  esac
  if [[ "$PREFIX" == -* ]]; then
    _describe -o option options
  elif (( \${#commands} )); then
    _describe command commands
  else
    _files
  fi
}
if [[ "$funcstack[1]" == _rivulet ]]; then _rivulet "$@"; else compdef _rivulet rivulet; fi
`;
}

function fishScript(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const lines = places.flatMap(({ path, children, options, choices }) => {
    const here = `complete -c rivulet -n ${quoted(`__rivulet_at ${quoted(path).replaceAll("'", '"')}`)}`;
    return [
      ...children.map(({ word, says }) => `${here} -f -a ${quoted(word)} -d ${quoted(oneLine(says))}`),
      ...choices.map((choice) => `${here} -f -a ${quoted(choice)}`),
      ...options.map(({ word, says, takesValue, choices: values }) => {
        const value = values.length > 0 ? ` -x -a ${quoted(values.join(" "))}` : takesValue ? " -r" : "";
        return `${here} -l ${word.slice(2)}${value} -d ${quoted(oneLine(says))}`;
      }),
    ];
  });
  return `# Completes rivulet in fish: rivulet completion fish | source
function __rivulet_at
  set -l at ""
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$at $word")
    if contains -- "$next" ${known.join(" ")}
      set at "$next"
    end
  end
  test "$at" = "$argv"
end
${lines.join("\n")}
`;
}

/** Writes the branches for where an option waits for its value: by its choices, or a free one. */
function valueCases(places: readonly Place[], byChoice: (choices: readonly string[]) => string, free: string): string {
  return places
    .flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(
          ({ word, choices }) =>
            `    ${quoted(`${path} ${word}`)}) ${choices.length > 0 ? byChoice(choices) : free} ;;`,
        ),
    )
    .join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\s:]+/g, " ").trim();
}
