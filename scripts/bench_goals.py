"""What the tables of goals share: runs by name, lines that are met, not met or open. For scripts/bench_results.py."""

import statistics


def rows_of(kind, name, model):
    run = kind["runs"].get((name, model))
    return (run, {row["test"]: row for row in run["rows"]}) if run else (None, {})


def percent(value):
    return "%.1f %%" % (100 * value)


class Goals:
    """The lines of one kind's table of goals."""

    def __init__(self):
        self.lines = []

    def add(self, what, goal, figure=None, met=None, run=None, note=""):
        state = "open" if figure is None else "yes" if met else "no"
        where = "%s, %s" % (run["commit"], run["date"]) if run else ""
        self.lines.append("| %s | %s | %s | %s | %s |" % (
            what, goal, figure if figure is not None else "", state, "; ".join(filter(None, (note, where)))))

    def text(self):
        return "\n".join(["| what | goal | figure | met | note, commit, date |", "|---|---|---|---|---|", *self.lines]) + "\n"


def load_note(rows):
    """Time taken from us, where it is above 3 %."""
    notes = []
    for name, label in (("steal_share", "steal"), ("other_share", "other processes")):
        worst = max((row.get(name, 0) for row in rows), default=0)
        if worst > 0.03:
            notes.append("%s %s" % (label, percent(worst)))
    return ", ".join(notes)


def rows_goal(goals, kind, name, model, amx, share=0.65):
    """t(M) beside t(1) of the same repetition and t_roof(M); without AMX a share of the roof is asked for."""
    run, rows = rows_of(kind, name, model)
    one = rows.get("rows1")
    for label, sizes, limit in (("M = 2 to 16", (2, 4, 8, 16), 1.15), ("M = 32", (32,), 1.3)):
        if not amx and label == "M = 32":
            continue
        sizes = sizes if amx else (2, 4, 8, 16, 32)
        what = "t(M), a whole pass, %s, %s" % (label if amx else "M = 2 to 32", model)
        goal = "%.2f x max(t(1), t_roof(M))" % limit if amx else "max(1.15 x t(1), t_roof(M) / %g)" % share
        worst, figures, used = 0, [], []
        for m in sizes:
            row = rows.get("rows%d" % m)
            if not row or not one:
                continue
            ratios = []
            for i, ns in enumerate(row["samples_ns"]):
                roof = row["samples_roof_share"][i] * ns
                first = one["samples_ns"][i]
                ratios.append(ns / max(first, roof) if amx else ns / max(1.15 * first, roof / share))
            ratio = statistics.median(ratios)
            worst = max(worst, ratio)
            figures.append("%d: %.2f" % (m, ratio))
            used.append(row)
        if not figures:
            goals.add(what, goal)
        else:
            goals.add(what, goal, ("x " if amx else "ratio ") + ", ".join(figures), worst <= (limit if amx else 1), run,
                      load_note(used))


def same_day(ours, theirs):
    """Theirs of the newest day that both ran; ours of that day's newest file that has both, where they ran in turns.
    Empty where there is none."""
    stamp = lambda p: (p["date"], p["file"])
    newest = max({stamp(p) for p in ours} & {stamp(p) for p in theirs}, default=(None, None))
    return [p for p in ours if stamp(p) == newest], [p for p in theirs if p["date"] == newest[0]]
