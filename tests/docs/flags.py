#!/usr/bin/env python3
"""Whether docs/command.md and `lacuna COMMAND --help` speak of the same commands and long flags.

    flags.py LACUNA docs/command.md

The page has a heading "## lacuna NAME" for each command. A flag stands in backticks, below its command or in a section
whose heading is no command, which is common to all.
"""
import re
import subprocess
import sys

FLAG = re.compile(r"--[a-z0-9][a-z0-9-]*")


def help_of(lacuna, *arguments):
    return subprocess.run([lacuna, *arguments, "--help"], check=True, capture_output=True, text=True).stdout


def main():
    lacuna, page = sys.argv[1:]
    commands = re.findall(r"^  ([a-z]+) ", help_of(lacuna).split("Subcommands:")[1], re.M)
    sections = {"": set()}
    current = ""
    for line in open(page):
        if heading := re.match(r"## (?:lacuna (\w+))?", line):
            current = heading[1] or ""
            sections.setdefault(current, set())
        for code in re.findall(r"`([^`]*)`", line):
            sections[current].update(FLAG.findall(code))
    problems = [f"no section `## lacuna {c}`" for c in commands if c not in sections]
    problems += [f"`lacuna {c}` is no command" for c in sections if c and c not in commands]
    everywhere = set()
    for command in commands:
        # Long names of an option stand together at its line's beginning: "  -n,--predict,--n-predict N:INT".
        lines = re.findall(r"^ +(?:-\w,)?(--[\w,-]+)", help_of(lacuna, command), re.M)
        flags = {flag for line in lines for flag in line.split(",")} - {"--help"}
        everywhere |= flags
        named = sections.get(command, set()) | sections[""]
        problems += [f"lacuna {command}: {flag} is not described" for flag in sorted(flags - named)]
        problems += [f"lacuna {command}: {flag} is no flag of it" for flag in sorted(sections.get(command, set()) - flags)]
    problems += [f"{flag} is a flag of no command" for flag in sorted(sections[""] - everywhere - {"--help"})]
    print("\n".join(problems) or f"{len(commands)} commands, {len(everywhere)} flags: all described")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
