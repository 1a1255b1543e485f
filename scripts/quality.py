#!/usr/bin/env python3
"""What compression costs: `lacuna eval` of a model as it is, in float32, packed in fewer bits, and with half of its weights
pruned, each against the model as it is. Prints the table of docs/quality.md.

    scripts/quality.py                                        models/demo, its own text and tasks
    scripts/quality.py -m DIR --text FILE --limit 20          another model or text, fewer windows and items
    scripts/quality.py --write docs/quality.md                puts the table into the page, between its marks

Keeps the JSON of each eval in --out, where scripts/plot_quality.py draws them. Standard library only; rows that cannot be
made (a group that does not fit, say) are named and left out. Exit status: 0, 1 a command failed, 2 bad usage.
"""

import argparse
import array
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- table: scripts/quality.py -->", "<!-- end of table -->"

# Name in the table and of the JSON, arguments of `lacuna pack`, pruned first?
PACKS = [
    ("int8", ["--codec", "int8"], False),
    ("int4, groups of 128", ["--codec", "int4"], False),
    ("int4, no groups", ["--codec", "int4", "--group", "0"], False),
    ("half pruned, bitmap-bf16", ["--codec", "bitmap-bf16"], True),
]


def prune_half(bits):
    """Zeroes the half of bf16 values that is smallest in magnitude; the sign aside, bits order as magnitudes do."""
    counts = [0] * 0x8000
    for b in bits:
        counts[b & 0x7FFF] += 1
    left, limit = len(bits) // 2, 0
    while limit < 0x8000 and counts[limit] <= left:
        left -= counts[limit]
        limit += 1
    for i, b in enumerate(bits):
        magnitude = b & 0x7FFF
        if magnitude < limit:
            bits[i] = 0
        elif magnitude == limit and left > 0:
            bits[i] = 0
            left -= 1


def prune(source, target):
    """A copy of a model directory of one bf16 safetensors file, every projection of every layer pruned to half."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("eval", "*.md"))
    path = target / "model.safetensors"
    data = bytearray(path.read_bytes())
    size, = struct.unpack("<Q", data[:8])
    for name, entry in json.loads(data[8:8 + size]).items():
        if not name.endswith("_proj.weight"):
            continue
        if entry["dtype"] != "BF16":
            raise ValueError("%s of %s is %s; only bf16 is pruned here" % (name, path, entry["dtype"]))
        begin, end = (8 + size + at for at in entry["data_offsets"])
        bits = array.array("H", bytes(data[begin:end]))
        prune_half(bits)
        data[begin:end] = bits.tobytes()
    path.write_bytes(data)


def run(command):
    print("$ " + " ".join(map(str, command)), file=sys.stderr)
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)


def exact_match(result):
    """Mean over tasks, each task counting the same."""
    tasks = [t["exact_match"] for t in result.get("tasks", {}).values() if t["n"] > 0]
    return sum(tasks) / len(tasks) if tasks else None


def row(name, result):
    p, kl, reference = result["perplexity"], result.get("kl"), result.get("reference")
    cells = [name, "%.2f" % (result["bytes_per_token"] / 1e6), "%.3f (%.3f to %.3f)" % (p["value"], p["low"], p["high"])]
    if reference:
        ratio = reference["perplexity_ratio"]
        cells.append("%+.2f %% (%+.2f to %+.2f)" % tuple(100 * (ratio[k] - 1) for k in ("value", "low", "high")))
        cells += ["%.5f" % kl["mean"], "%.4f" % kl["p99"], "%.1f %%" % (100 * kl["top1"])]
    else:
        cells += ["", "", "", ""]
    share = exact_match(result)
    cells.append("" if share is None else "%.1f %%" % (100 * share))
    return "| " + " | ".join(cells) + " |"


def table(results):
    head = ["weights", "MB a token", "perplexity (95 %)", "change of perplexity", "KL, mean", "KL, 99 %", "same top token",
            "exact match, mean of tasks"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join(lines + [row(name, result) for name, result in results])


def write(page, text):
    content = page.read_text()
    if BEGIN not in content or END not in content:
        sys.exit("quality.py: %s has no marks '%s' and '%s'" % (page, BEGIN, END))
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    page.write_text(before + BEGIN + "\n" + text + "\n" + END + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", type=pathlib.Path, default=ROOT / "models" / "demo")
    parser.add_argument("--lacuna", type=pathlib.Path, default=ROOT / "build" / "release" / "lacuna")
    parser.add_argument("--text", type=pathlib.Path, help="default: the model's eval/text.txt")
    parser.add_argument("--task-dir", type=pathlib.Path, help="default: the model's eval folder")
    parser.add_argument("--tasks", help="as of lacuna eval")
    parser.add_argument("--limit", type=int, default=0, help="as of lacuna eval")
    parser.add_argument("--f32-limit", type=int, default=0, help="the same for the row in float32, which is slow")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "quality")
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE", help="put the table into this page")
    args = parser.parse_args()
    if not args.lacuna.exists():
        print("quality.py: %s is not there: build it, or give --lacuna" % args.lacuna, file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)

    def evaluate(name, folder, extra=(), limit=args.limit):
        command = [args.lacuna, "eval", "-m", folder, "--reference", args.model, "--json", "--limit", limit, *extra]
        command += ["--text", args.text] if args.text else ["--text", args.model / "eval" / "text.txt"]
        folder = args.task_dir or args.model / "eval"
        command += ["--task-dir", folder] if folder.is_dir() else []
        command += ["--tasks", args.tasks] if args.tasks else []
        done = run(command)
        if done.returncode != 0:
            return None
        (args.out / (re.sub(r"[^a-z0-9]+", "-", name) + ".json")).write_text(done.stdout)
        return json.loads(done.stdout)

    results, failed = [], False
    with tempfile.TemporaryDirectory(prefix="lacuna-quality-") as temporary:
        temporary = pathlib.Path(temporary)
        jobs = [("bf16", args.model, (), args.limit),
                ("f32 arithmetic", args.model, ("--numerics", "f32", "--reference-numerics", "default"),
                 args.f32_limit or args.limit)]
        for i, (name, pack, pruned) in enumerate(PACKS):
            source = args.model
            if pruned:
                source = temporary / "pruned"
                prune(args.model, source)
            packed = temporary / str(i)
            if run([args.lacuna, "pack", "-m", source, "-o", packed, *pack]).returncode != 0:
                print("quality.py: no row '%s': pack failed" % name, file=sys.stderr)
                failed = True
                continue
            jobs.append((name, packed, (), args.limit))
        for name, folder, extra, limit in jobs:
            result = evaluate(name, folder, extra, limit)
            if result is None:
                failed = True
                continue
            results.append((name, result))
    text = table(results)
    print(text)
    if args.write:
        write(args.write, text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
