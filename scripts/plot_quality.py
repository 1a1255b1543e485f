#!/usr/bin/env python3
"""Draws quality against bytes a token from the JSON of `lacuna eval --json`, one point a file, as PNG:

    scripts/plot_quality.py build/quality/*.json -o quality.png

A panel each for perplexity, KL divergence from the reference and exact match (mean of the tasks), as far as the files have
them. Points are named after their files; a file may also hold a list of named ones (scripts/quality_grid.py), where those
of a pruning method have its colour and a sign for how values are stored. Needs matplotlib. Exit status: 0, 2 bad input or
no matplotlib.
"""

import argparse
import json
import pathlib
import sys


def fail(text):
    print("plot_quality.py: " + text, file=sys.stderr)
    return 2


def exact_match(result):
    tasks = [t["exact_match"] for t in result.get("tasks", {}).values() if t["n"] > 0]
    return 100 * sum(tasks) / len(tasks) if tasks else None


def points(results, value):
    """[(megabytes a token, value, low, high, name)] of the files that have the value."""
    found = []
    for name, result in results:
        triple = value(result)
        if triple is not None:
            found.append((result["bytes_per_token"] / 1e6, *triple, name))
    return sorted(found)


def perplexity(result):
    p = result.get("perplexity")
    return p and (p["value"], p["low"], p["high"])


def divergence(result):
    kl = result.get("kl")
    return kl and (kl["mean"], kl["low"], kl["high"])


def matches(result):
    share = exact_match(result)
    return None if share is None else (share, share, share)


METHODS = {"magnitude": "#c23b22", "wanda": "#e0a100", "sparsegpt": "#2e8b57"}
VALUES = {"bf16": "o", "int8": "s", "int4": "^"}


def look(name):
    """Colour and marker of a point, and whether its name is written beside it."""
    method, values = name.split(" ")[0], name.rpartition(", ")[2]
    known = method in METHODS and values in VALUES
    return METHODS.get(method, "#4063d8"), VALUES[values] if known else "o", not known


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="JSON")
    parser.add_argument("-o", "--out", type=pathlib.Path, default=pathlib.Path("quality.png"))
    parser.add_argument("--title", default="")
    args = parser.parse_args()
    results = []
    for path in args.files:
        try:
            found = json.loads(path.read_text())
            for result in found if isinstance(found, list) else [found]:
                result["bytes_per_token"] / 1e6
                results.append((result.get("name", path.stem), result))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            return fail("%s is not the output of lacuna eval --json: %r" % (path, e))
    panels = [("perplexity", points(results, perplexity), False),
              ("KL divergence from the reference, nats", [p for p in points(results, divergence) if p[1] > 0], True),
              ("exact match, mean of tasks, %", points(results, matches), False)]
    panels = [p for p in panels if p[1]]
    if not panels:
        return fail("the files have neither perplexity, divergence nor tasks")
    try:
        import matplotlib
    except ImportError:
        return fail("matplotlib is not there: python3 -m pip install matplotlib, or apt-get install python3-matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(5.2 * len(panels), 4.2), layout="constrained", squeeze=False)
    for axis, (label, found, log) in zip(axes[0], panels):
        for i, (x, y, low, high, name) in enumerate(found):
            colour, marker, named = look(name)
            axis.errorbar([x], [y], [[max(0, y - low)], [max(0, high - y)]], fmt=marker, color=colour, capsize=3)
            label_text = name if named else name.split(" ", 1)[1].rpartition(",")[0]
            axis.annotate(label_text, (x, y), xytext=(5, 5 if i % 2 else -11), textcoords="offset points", fontsize=8)
        axis.set_xlim(0, 1.3 * max(p[0] for p in found))
        if log:
            axis.set_yscale("log")
        axis.set(xlabel="MB a decoded token must read", ylabel=label)
        axis.grid(alpha=0.3)
    if any(not look(name)[2] for name, _ in results):
        handles = [plt.Line2D([], [], color=c, marker="o", linestyle="", label=m) for m, c in METHODS.items()]
        handles += [plt.Line2D([], [], color="#666666", marker=v, linestyle="", label=k) for k, v in VALUES.items()]
        axes[0][0].legend(handles=handles, fontsize=8)
    figure.suptitle(args.title)
    figure.savefig(args.out, dpi=150)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
