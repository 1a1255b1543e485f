#!/usr/bin/env python3
"""Draws quality against bytes a token from the JSON of `lacuna eval --json`, one point a file, as PNG:

    scripts/plot_quality.py build/quality/*.json -o quality.png

A panel each for perplexity, KL divergence from the reference and exact match (mean of the tasks), as far as the files have
them. Points are named after their files; a file may also hold a list of named ones (scripts/quality_grid.py). The colour is
how values are stored, the sign is how weights were pruned, and a line joins the shares of one method and format. The dashed
line is the best for its bytes, and what lies on it has its name; so has everything where there are few points. Needs
matplotlib 3.7. Exit status: 0, 2 bad input or no matplotlib.
"""

import argparse
import json
import math
import pathlib
import re
import sys

FORMATS = {"bf16": "#4063d8", "int8": "#389826", "int4": "#cb3c33", "int4z": "#f08a7e", "codebook": "#b07d00",
           "nf4": "#9558b2", "fp4": "#c77bd8", "razer": "#e0218a", "mxfp4": "#00a0a0", "nvfp4": "#7a5230", "mixed": "#222222"}
OTHER = "#808080"
SIGNS = {"not pruned": "o", "rounded to nearest": "D", "magnitude": "v", "wanda": "s", "sparsegpt": "^", "uniform": "P",
         "sensitivity": "*"}
FEW = 10  # points that all have their names


def fail(text):
    print("plot_quality.py: " + text, file=sys.stderr)
    return 2


class Look:
    """What a name says of a point: pruned how, by how much, and stored how."""

    def __init__(self, name):
        pruned = re.fullmatch(r"(magnitude|wanda|sparsegpt) (\S+(?: %)?), (\w+)", name)
        allocated = re.match(r"(uniform|sensitivity)\b", name)
        if pruned:
            self.method, self.share, self.values = pruned.groups()
        else:
            whole = "rounded to nearest" if name.endswith("nearest") else "not pruned"
            self.method, self.share = (allocated[1] if allocated else whole), ""
            self.values = "mixed" if allocated else re.split(r"\W", name)[0]
        self.pattern = ":" in self.share
        # Points on a line.
        self.family = (self.method, self.values) if pruned and not self.pattern else None

    def colour(self):
        return FORMATS.get(self.values, OTHER)


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


def front(found, larger):
    """The points that none of as few bytes is as good as, fewest bytes first."""
    best, kept = None, []
    for point in sorted(found, key=lambda p: (p[0], -p[1] if larger else p[1])):
        if best is None or (point[1] > best if larger else point[1] < best):
            best = point[1]
            kept.append(point)
    return kept


def place(axis, found, named):
    """Writes the names of `named` where neither a point nor another name is, the nearest such place first."""
    renderer = axis.figure.canvas.get_renderer()
    inside = axis.get_window_extent(renderer)
    dots = [axis.transData.transform(p[:2]) for p in found]
    pixel = axis.figure.dpi / 72
    taken = []
    for x, y, _, _, name in named:
        at = axis.transData.transform((x, y))
        text = axis.annotate(name, (x, y), xytext=(0, 0), textcoords="offset points", fontsize=7, ha="center", va="center",
                             zorder=5, bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75})
        text.set_in_layout(False)
        size = text.get_window_extent(renderer)
        chosen = None
        for distance in range(3, 200, 4):
            for turn in range(24):
                angle = math.tau * turn / 24
                # The nearest edge of the text is this far from the point.
                dx = (distance * pixel + size.width / 2) * math.cos(angle)
                dy = (distance * pixel + size.height / 2) * math.sin(angle)
                box = (at[0] + dx - size.width / 2, at[1] + dy - size.height / 2,
                       at[0] + dx + size.width / 2, at[1] + dy + size.height / 2)
                gap = 4 * pixel
                free = (box[0] > inside.x0 and box[2] < inside.x1 and box[1] > inside.y0 and box[3] < inside.y1 and
                        not any(box[0] - gap < d[0] < box[2] + gap and box[1] - gap < d[1] < box[3] + gap for d in dots) and
                        not any(box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken))
                if free:
                    chosen = (dx / pixel, dy / pixel, box)
                    break
            if chosen:
                break
        if not chosen:
            text.remove()
            continue
        text.set_position(chosen[:2])
        taken.append(chosen[2])
        if math.hypot(*chosen[:2]) > 16:
            line = axis.annotate("", (x, y), xytext=chosen[:2], textcoords="offset points", zorder=1,
                                 arrowprops={"arrowstyle": "-", "color": "#999999", "lw": 0.6})
            line.set_in_layout(False)


def draw(matplotlib, axis, found, label, log, larger):
    families = {}
    for x, y, low, high, name in found:
        look = Look(name)
        axis.errorbar([x], [y], [[max(0, y - low)], [max(0, high - y)]], fmt=SIGNS[look.method], color=look.colour(),
                      markerfacecolor="white" if look.pattern else look.colour(), markeredgecolor=look.colour(),
                      markersize=9 if look.method == "sensitivity" else 6, elinewidth=0.7, alpha=0.9, zorder=3)
        if look.family:
            families.setdefault(look.family, []).append((x, y))
    for (_, values), line in families.items():
        axis.plot(*zip(*sorted(line)), color=FORMATS.get(values, OTHER), linewidth=0.9, alpha=0.5, zorder=2)
    best = front(found, larger)
    axis.plot([p[0] for p in best], [p[1] for p in best], "--", color="#555555", linewidth=0.8, zorder=1)
    axis.set_xscale("log")
    ends = found[0][0], max(p[0] for p in found)
    axis.set_xlim(ends[0] / 1.2, ends[1] * 1.15)
    if log:
        axis.set_yscale("log")
    axis.margins(y=0.12)
    for scale, subs in ((axis.xaxis, (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8)), *([(axis.yaxis, (1, 2, 5))] if log else [])):
        scale.set_major_locator(matplotlib.ticker.LogLocator(subs=subs))
        scale.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set(xlabel="MB a decoded token must read", ylabel=label)
    axis.grid(alpha=0.25)
    return found if len(found) <= FEW else best


def handles(plt, looks):
    """Of the legend: formats, then signs, as far as there are such."""
    out = [plt.Line2D([], [], color=c, marker="o", linestyle="", label=f) for f, c in FORMATS.items()
           if any(look.values == f for look in looks)]
    out += [plt.Line2D([], [], color="#444444", marker=s, linestyle="", label=m) for m, s in SIGNS.items()
            if any(look.method == m for look in looks)]
    if any(look.pattern for look in looks):
        out.append(plt.Line2D([], [], color="#444444", marker="o", markerfacecolor="white", linestyle="", label="N:M"))
    shares = sorted({look.share for look in looks if look.family})
    if len(shares) > 1:
        out.append(plt.Line2D([], [], color="#444444", alpha=0.5, label="%s pruned,\nright to left" % ", ".join(shares)))
    out.append(plt.Line2D([], [], color="#555555", linestyle="--", label="best for its bytes"))
    return out


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
    panels = [("perplexity", points(results, perplexity), True, False),
              ("KL divergence from the reference, nats", [p for p in points(results, divergence) if p[1] > 0], True, False),
              ("exact match, mean of tasks, %", points(results, matches), False, True)]
    panels = [p for p in panels if p[1]]
    if not panels:
        return fail("the files have neither perplexity, divergence nor tasks")
    try:
        import matplotlib
    except ImportError:
        return fail("matplotlib is not there: python3 -m pip install matplotlib, or apt-get install python3-matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(1.8 + 5.6 * len(panels), 5.2), dpi=150, layout="constrained",
                                squeeze=False)
    named = [draw(matplotlib, axis, found, label, log, larger) for axis, (label, found, log, larger) in zip(axes[0], panels)]
    figure.legend(handles=handles(plt, [Look(name) for name, _ in results]), fontsize=8, loc="outside right upper")
    figure.suptitle(args.title)
    figure.canvas.draw()  # where things are: names go between them
    figure.set_layout_engine("none")
    for axis, (_, found, _, _), names in zip(axes[0], panels, named):
        place(axis, found, names)
    figure.savefig(args.out)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
