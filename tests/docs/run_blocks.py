#!/usr/bin/env python3
"""Runs the command blocks of one Markdown file as a reader would, in a scratch folder that looks like the checkout.

    run_blocks.py SOURCE_DIR BUILD_DIR FILE.md

What stands behind the three backticks says what a block is:

    sh                        run by bash -e; its blocks share one folder, in order. They must write into it alone.
    console                   lines that begin with "$ " are run one by one; what follows is all they print (both
                              streams), where a line "..." stands for any lines. "[exit N]" ends those that fail.
    sh skip: REASON           not run, reported by name
    console slow: COMMIT KIND not run: output stored from that commit on that kind of machine
    cpp, cmake, json, text .. no commands. A block that says nothing is an error.

Exit status: 0 all ran, 1 one failed, 77 the file has none to run.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

QUIET = {"c", "cpp", "cmake", "json", "jsonl", "gbnf", "text", "jinja"}
KINDS = re.compile(r"(intel|amd)-[a-z0-9-]+")


class Block:
    def __init__(self, line, info, text):
        self.line, self.text = line, text
        self.language, _, rest = info.partition(" ")
        self.mark, _, self.why = rest.partition(":")
        self.why = self.why.strip()


def blocks_of(path):
    found, start, info, text = [], None, "", []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("```"):
            if start is None:
                start, info, text = number, line[3:].strip(), []
            else:
                found.append(Block(start, info, text))
                start = None
        elif start is not None:
            text.append(line)
    if start is not None:
        sys.exit(f"{path}:{start}: the block does not end")
    return found


def scratch(source, build):
    """The checkout's entries as links, with build/release being the tree under test."""
    folder = tempfile.TemporaryDirectory(prefix="lacuna-docs-")
    root = pathlib.Path(folder.name)
    for entry in source.iterdir():
        if entry.name not in ("build", ".git"):
            (root / entry.name).symlink_to(entry)
    (root / "build").mkdir()
    (root / "build" / "release").symlink_to(build)
    return folder


def run(command, folder, environment):
    result = subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    return result.returncode, result.stdout.decode(errors="replace")


def matches(expected, got):
    """Lines of output against what the page shows."""
    pattern = "\n".join(r"(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in expected)
    return re.fullmatch(pattern, "\n".join(got)) is not None


def steps_of(block):
    """(line, command, expected lines or None) of a block."""
    if block.language == "sh":
        return [(block.line, "\n".join(block.text), None)]
    steps = []
    for offset, line in enumerate(block.text, 1):
        if line.startswith("$ "):
            steps.append((block.line + offset, line[2:], []))
        elif steps:
            steps[-1][2].append(line)
        else:
            return None
    return steps


def check(block, name, folder, environment):
    """"" or what is wrong."""
    steps = steps_of(block)
    if not steps:
        return f"{name}:{block.line}: a console block begins with a line \"$ command\""
    for line, command, expected in steps:
        try:
            status, output = run(command, folder, environment)
        except subprocess.TimeoutExpired:
            return f"{name}:{line}: took longer than 300 s: {command}"
        if expected is None:
            if status != 0:
                return f"{name}:{line}: exit status {status}:\n{command}\n{output}"
            continue
        got = output.rstrip("\n").split("\n") if output else []
        if status != 0:
            got.append(f"[exit {status}]")
        if not matches(expected, got):
            return f"{name}:{line}: {command}\nshould print\n" + "\n".join(expected) + "\nbut prints\n" + "\n".join(got)
    return ""


def main():
    source, build, path = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    name = str(path.relative_to(source))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LACUNA_")}
    environment["PATH"] = f"{build}:{environment['PATH']}"
    environment["NO_COLOR"] = "1"
    ran, failed = 0, 0
    with scratch(source, build) as folder:
        for block in blocks_of(path):
            where = f"{name}:{block.line}"
            problem = ""
            if block.language in QUIET and not block.mark:
                continue
            if block.language not in ("sh", "console"):
                problem = f"{where}: what is this block? It needs one of sh, console, {', '.join(sorted(QUIET))}"
            elif block.mark == "skip":
                if block.why:
                    print(f"skipped: {where}: {block.why}")
                else:
                    problem = f"{where}: `skip` needs a reason"
            elif block.mark == "slow":
                commit, _, kind = block.why.partition(" ")
                outputs = [line for line in block.text if line and not line.startswith("$ ")]
                if not re.fullmatch(r"[0-9a-f]{7,40}", commit) or not KINDS.fullmatch(kind) or not outputs:
                    problem = f"{where}: `slow` needs a commit, a kind of machine such as amd-zen4, and output below"
                else:
                    print(f"slow: {where}: output of {commit} on {kind}")
            elif block.mark:
                problem = f"{where}: unknown mark `{block.mark}`"
            else:
                problem = check(block, name, folder, environment)
                ran += 1
                if not problem:
                    print(f"ran: {where}")
            if problem:
                print(problem)
                failed += 1
    print(f"{name}: {ran} blocks ran, {failed} problems")
    sys.exit(1 if failed else 0 if ran else 77)


if __name__ == "__main__":
    main()
