#!/usr/bin/env python3
"""What pruning and rounding cost together: `lacuna compress` by {magnitude, Wanda, SparseGPT} x {50 %, 2:4, 60 %, 70 %} x
{bf16, int8, int4}, dense formats of 4 bits at about equal bits, and two allocations at equal bytes; each measured by
`lacuna eval` against the model as it is. One command:

    scripts/quality_grid.py                                   models/demo, calibrated on the built-in text, to build/grid
    scripts/quality_grid.py -m DIR --calibration FILE         another model
    scripts/quality_grid.py --only 'wanda|int4' --limit 2     rows whose name matches, fewer windows and items
    scripts/quality_grid.py --orders                          the order of the layers' errors alone

Writes grid.md (the table and the orders), grid.json, and a JSON of `lacuna eval` a row, of which scripts/plot_quality.py
makes grid.png where there is matplotlib. Rows that are there already are not made again (--again: they are). Perplexity and
tasks are of the model's eval folder, --text and --task-dir are of others; the calibration text is no part of them.

The orders: with every method the layers are fed by the same dense inputs (`--inputs dense`), and SparseGPT <= Wanda <=
magnitude and GPTQ <= round to nearest must hold for the output errors of at least 95 % of the matrices and of their sum;
exceptions are listed. Standard library only. Exit status: 0, 1 a command failed or an order does not hold, 2 bad usage.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

from quality import exact_match

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS = ("magnitude", "wanda", "sparsegpt")
SPARSITIES = ("0.5", "2:4", "0.6", "0.7")
WEIGHTS = ("bf16", "int8", "int4")
# Dense, at 4.13 to 4.5 bits a weight: name, flags.
FOUR_BITS = [
    ("int4 g128, nearest", ["--weights", "int4", "--method", "rtn"]),
    ("int4 g128, gptq", ["--weights", "int4"]),
    ("int4z g128, gptq", ["--weights", "int4z"]),
    ("codebook g128, gptq", ["--weights", "codebook"]),
    ("nf4 g64, gptq", ["--weights", "nf4"]),
    ("fp4 g128, gptq", ["--weights", "fp4"]),
    ("razer g128, gptq", ["--weights", "razer"]),
    ("mxfp4 g32, gptq", ["--weights", "mxfp4"]),
    ("nvfp4 g16, gptq", ["--weights", "nvfp4"]),
]
ALLOCATIONS = ("uniform", "sensitivity")


def percent(sparsity):
    return sparsity if ":" in sparsity else "%.0f %%" % (100 * float(sparsity))


def rows(budget):
    """(name, flags of lacuna compress; None: the model as it is)."""
    out = [("bf16", None), ("int8", ["--weights", "int8"])] + FOUR_BITS
    for method in METHODS:
        for sparsity in SPARSITIES:
            for weights in WEIGHTS:
                out.append(("%s %s, %s" % (method, percent(sparsity), weights),
                            ["--prune", method, "--sparsity", sparsity, "--weights", weights]))
    for allocation in ALLOCATIONS:
        out.append(("%s, %s" % (allocation, budget),
                    ["--prune", "sparsegpt", "--weights", "int4", "--allocate", allocation, "--budget", budget]))
    return out


class Grid:
    def __init__(self, args):
        self.args = args
        self.out = args.out
        self.out.mkdir(parents=True, exist_ok=True)

    def lacuna(self, *arguments):
        """Standard output, or None: the command failed."""
        command = [str(self.args.lacuna), *map(str, arguments)]
        print("$ " + " ".join(command), file=sys.stderr, flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        return done.stdout if done.returncode == 0 else None

    def compress(self, folder, flags):
        """The report; what is written is left in `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        text = self.lacuna("compress", "-m", self.args.model, "-o", folder, "--calibration", self.args.calibration,
                           "--sequences", self.args.sequences, "--length", self.args.length, "--json", *flags)
        return text and json.loads(text)

    def row(self, name, flags):
        """{"eval", "compress"} of a row, made or read."""
        path = self.out / (re.sub(r"[^a-z0-9]+", "-", name) + ".json")
        if path.exists() and not self.args.again:
            return json.loads(path.read_text())
        folder, report = self.args.model, {}
        if flags is not None:
            folder = self.out / "model"
            report = self.compress(folder, flags)
            if report is None:
                return None
        command = ["eval", "-m", folder, "--reference", self.args.model, "--json", "--limit", self.args.limit]
        command += ["--text", self.args.text or self.args.model / "eval" / "text.txt"]
        tasks = self.args.task_dir or self.args.model / "eval"
        command += ["--task-dir", tasks] if tasks.is_dir() else []
        command += ["--tasks", self.args.tasks] if self.args.tasks else []
        text = self.lacuna(*command)
        if flags is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if text is None:
            return None
        result = dict(json.loads(text), name=name, compress=report)
        path.write_text(json.dumps(result, indent=1) + "\n")
        return result

    def errors(self, name, flags):
        """{matrix: output error} on dense inputs."""
        path = self.out / "orders" / (re.sub(r"[^a-z0-9]+", "-", name) + ".json")
        if path.exists() and not self.args.again:
            return json.loads(path.read_text())
        report = self.compress(self.out / "model", ["--inputs", "dense", *flags])
        shutil.rmtree(self.out / "model", ignore_errors=True)
        if report is None:
            return None
        found = {m["name"]: m["error"] for layer in report["layers"] for m in layer["matrices"]}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        return found

    def orders(self):
        """Markdown of the orders that must hold, and whether they do."""
        wanted = []
        for sparsity in SPARSITIES:
            named = {m: ("%s %s" % (m, percent(sparsity)), ["--prune", m, "--sparsity", sparsity, "--weights", "bf16"])
                     for m in METHODS}
            wanted += [(named["sparsegpt"], named["wanda"]), (named["wanda"], named["magnitude"])]
        wanted.append((("gptq int4", ["--weights", "int4"]), ("nearest int4", ["--weights", "int4", "--method", "rtn"])))
        lines = ["| better | worse | matrices in this order | sum of errors | exceptions |", "|---|---|--:|--:|---|"]
        holds = True
        for better, worse in wanted:
            if self.args.only and not any(re.search(self.args.only, n) for n, _ in (better, worse)):
                continue
            a, b = self.errors(*better), self.errors(*worse)
            if a is None or b is None:
                return "", False
            wrong = [m for m in a if a[m] > b[m]]
            holds &= len(wrong) <= 0.05 * len(a) and sum(a.values()) <= sum(b.values())
            lines.append("| %s | %s | %d of %d | %.4f, %.4f | %s |" % (
                better[0], worse[0], len(a) - len(wrong), len(a), sum(a.values()), sum(b.values()),
                ", ".join("%s (%.4g > %.4g)" % (m, a[m], b[m]) for m in wrong)))
        return "\n".join(lines), holds


def line(result):
    p, kl, reference, report = result["perplexity"], result["kl"], result["reference"], result["compress"]
    share = exact_match(result)
    return "| " + " | ".join([
        result["name"], "%.2f" % report["bits"] if report else "", "%.2f" % (result["bytes_per_token"] / 1e6),
        "%.3f" % p["value"], "%+.2f %%" % (100 * (reference["perplexity_ratio"]["value"] - 1)), "%.4f" % kl["mean"],
        "%.3f" % kl["p99"], "%.1f %%" % (100 * kl["top1"]), "" if share is None else "%.1f %%" % (100 * share)]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", type=pathlib.Path, default=ROOT / "models" / "demo")
    parser.add_argument("--lacuna", type=pathlib.Path, default=ROOT / "build" / "release" / "lacuna")
    parser.add_argument("--calibration", default="demo", help="as of lacuna compress")
    parser.add_argument("--sequences", type=int, default=64)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--text", type=pathlib.Path, help="default: the model's eval/text.txt")
    parser.add_argument("--task-dir", type=pathlib.Path, help="default: the model's eval folder")
    parser.add_argument("--tasks", help="as of lacuna eval")
    parser.add_argument("--limit", type=int, default=0, help="as of lacuna eval")
    parser.add_argument("--budget", default="3.5bpw",
                        help="of the allocations; sensitivity has what uniform took of it")
    parser.add_argument("--only", metavar="REGEX", help="rows, and methods of the orders, whose name it is found in")
    parser.add_argument("--orders", action="store_true", help="the order of errors alone")
    parser.add_argument("--again", action="store_true", help="make rows anew that --out has")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "grid")
    args = parser.parse_args()
    if not args.lacuna.exists():
        print("quality_grid.py: %s is not there: build it, or give --lacuna" % args.lacuna, file=sys.stderr)
        return 2
    grid, results, failed = Grid(args), [], False
    for name, flags in [] if args.orders else rows(args.budget):
        if args.only and name != "bf16" and not re.search(args.only, name):
            continue
        if name.startswith("sensitivity") and results and results[-1]["name"].startswith("uniform"):
            # As many bytes as the best single level took.
            flags = flags[:-1] + ["%.6f" % (results[-1]["compress"]["allocation"]["bits"] + 1e-5)]
        result = grid.row(name, flags)
        if result is None:
            print("quality_grid.py: no row '%s': a command failed" % name, file=sys.stderr)
            failed = True
            continue
        results.append(result)
    orders, holds = grid.orders()
    head = ["weights", "bits a weight of the layers", "MB a token", "perplexity", "change", "KL, mean", "KL, 99 %",
            "same top token", "exact match, mean of tasks"]
    table = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)] + [line(r) for r in results]
    text = ("\n".join(table) + "\n\n" if results else "") + orders + "\n"
    (args.out / "grid.md").write_text(text)
    (args.out / "grid.json").write_text(json.dumps(results, indent=1) + "\n")
    print(text)
    if results:
        plot = subprocess.run([sys.executable, ROOT / "scripts" / "plot_quality.py", args.out / "grid.json", "-o",
                               args.out / "grid.png", "--title", "%s, compressed" % args.model.name])
        if plot.returncode != 0:
            print("quality_grid.py: no picture", file=sys.stderr)
    if not holds:
        print("quality_grid.py: an order does not hold", file=sys.stderr)
    return 1 if failed or not holds else 0


if __name__ == "__main__":
    sys.exit(main())
