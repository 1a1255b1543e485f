#!/usr/bin/env python3
"""Draws the packed benchmark's figures, bench/results/KIND-DATE-packed.json (scripts/bench_packed.py), as PNG for the README:

    scripts/plot_bench.py                    every kind of machine, into docs/plots
    scripts/plot_bench.py --kind intel-amx --layer llama-8b/gate_up --out build/plots

KIND-density.png   speed-up of a bitmap against the same codec dense at equal bandwidth, one row of activations, by density;
                   the byte ratio, which is what it can win, as the dashed line
KIND-rows.png      time of one layer against M; the roof max(bytes / bw, operations / peak) dashed

Needs matplotlib; nothing else in the repository does. Exit status: 0, 1 nothing measured, 2 bad usage or no matplotlib.
"""

import argparse
import pathlib
import statistics
import sys

import bench_results

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLOURS = {"bf16": "#4063d8", "int8": "#389826", "int4": "#cb3c33", "int4z": "#9558b2", "codebook": "#8a6d00"}


def fail(status, text):
    print("plot_bench.py: " + text, file=sys.stderr)
    return status


def values_of(codec):
    return codec.removeprefix("bitmap-")


def speed_ups(entries, m=1):
    """{values: [(density, speed-up, byte ratio)]}, medians over the layers that both were measured on. Each time counts in
    bytes that memory could have sent meanwhile, since its speed differs from minute to minute."""
    dense = {(e["codec"], e["layer"]): e for e in entries if e["m"] == m and not e["codec"].startswith("bitmap-")}
    ratios = {}
    for e in entries:
        beside = dense.get((values_of(e["codec"]), e["layer"]))
        if e["m"] != m or not e["codec"].startswith("bitmap-") or beside is None:
            continue
        ratios.setdefault((values_of(e["codec"]), e["density"]), []).append(
            (beside["ns"] * beside["stream_gb_s"] / (e["ns"] * e["stream_gb_s"]),
             beside["bits_per_weight"] / e["bits_per_weight"]))
    lines = {}
    for (values, density), pairs in sorted(ratios.items()):
        lines.setdefault(values, []).append((density, statistics.median(p[0] for p in pairs),
                                             statistics.median(p[1] for p in pairs)))
    return lines


def times(entries, layer, density=0.5):
    """{codec: [(M, ns, roof in ns)]} of one layer, bitmaps at one density."""
    lines = {}
    for e in sorted(entries, key=lambda e: e["m"]):
        bitmap = e["codec"].startswith("bitmap-")
        if e["layer"] == layer and (not bitmap or e["density"] == density):
            name = "%s %.0f %%" % (e["codec"], 100 * density) if bitmap else e["codec"]
            lines.setdefault(name, []).append((e["m"], e["ns"], e["ns"] * e["roof_share"]))
    return lines


def draw_density(plt, lines, title, path):
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for values, points in lines.items():
        x = [p[0] for p in points]
        colour = COLOURS.get(values)
        axes.plot(x, [p[1] for p in points], "o-", color=colour, label=values)
        axes.plot(x, [p[2] for p in points], "--", color=colour, linewidth=1)
    axes.plot([], [], "k--", linewidth=1, label="byte ratio")
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(xlabel="density (share of weights stored)", ylabel="speed-up at equal bandwidth", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_rows(plt, lines, title, path):
    from matplotlib import ticker
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for codec, points in lines.items():
        x = [p[0] for p in points]
        style = "s-" if codec.startswith("bitmap-") else "o-"
        drawn, = axes.plot(x, [p[1] / 1e6 for p in points], style, markersize=4, label=codec)
        axes.plot(x, [p[2] / 1e6 for p in points], "--", linewidth=1, color=drawn.get_color())
    axes.plot([], [], "k--", linewidth=1, label="roof")
    sizes = sorted({p[0] for points in lines.values() for p in points})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_xticks(sizes, [str(m) for m in sizes])
    axes.set(xlabel="M (rows of activations)", ylabel="ms", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def largest_layer(entries):
    """Of the layers measured with the most numbers of rows, the one with the most weights."""
    rows = {}
    for e in entries:
        rows.setdefault((e["layer"], e["n"] * e["k"]), set()).add(e["m"])
    return max(rows, key=lambda key: (len(rows[key]), key[1]))[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "plots")
    parser.add_argument("--kind", default="", help="of machine; default: all that were measured")
    parser.add_argument("--layer", default="", help="of the picture of M; default: the largest")
    args = parser.parse_args()
    try:
        import matplotlib
    except ImportError:
        return fail(2, "matplotlib is not there: python3 -m pip install matplotlib, or apt-get install python3-matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    kinds = {name: kind["packed"] for name, kind in bench_results.load(args.folder).items() if kind["packed"]}
    if args.kind:
        kinds = {name: entries for name, entries in kinds.items() if name == args.kind}
    if not kinds:
        return fail(1, "%s has no figures of the packed benchmark%s: run scripts/bench_packed.py" % (
            args.folder, " for " + args.kind if args.kind else ""))
    args.out.mkdir(parents=True, exist_ok=True)
    for name, entries in sorted(kinds.items()):
        label = bench_results.KINDS.get(name, name)
        layer = args.layer or largest_layer(entries)
        pictures = [("density", speed_ups(entries), draw_density, "%s, M = 1" % label),
                    ("rows", times(entries, layer), draw_rows, "%s, %s" % (label, layer))]
        for what, lines, draw, title in pictures:
            if not lines:
                print("%s: nothing for the picture of %s" % (name, what), file=sys.stderr)
                continue
            path = args.out / ("%s-%s.png" % (name, what))
            draw(plt, lines, title, path)
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
