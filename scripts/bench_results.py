#!/usr/bin/env python3
"""Writes bench/RESULTS.md from the committed bench/results/KIND-DATE*.json: one table of goals and one of all figures for
each kind of machine. A goal without a figure for a kind is open. Standard library only.

    scripts/bench_results.py            writes bench/RESULTS.md
    scripts/bench_results.py --check    exit 1 when the file is not what the JSON gives (run by ctest)
    scripts/bench_results.py --folder F --output FILE
"""

import argparse
import json
import pathlib
import statistics
import sys

import bench_goals_packed
from bench_goals import Goals, load_note, percent, rows_goal, rows_of, same_day

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = {
    "intel-amx": "Intel with AMX",
    "intel-avx512": "Intel with AVX-512, no AMX",
    "amd-zen5": "AMD Zen 5, AVX-512, no AMX",
    "amd-zen4": "AMD Zen 4, AVX-512, no AMX",
}
ALWAYS = ["intel-amx", "amd-zen5"]  # have goals, so they have a table even with every goal open
WHOLE_MODELS = ["tinyllama-1.1b", "llama-3.2-1b"]

HEAD = """# Results

Written by `scripts/bench_results.py` from `bench/results/*.json`; edit neither by hand. `scripts/bench_run.py` measures.

Machines differ and are shared, so a goal is a share of a roof taken in the same process, on the same threads, just before
and after every repetition: *bw*, the best of three read kernels over 1 GiB, and *peak*, of the instruction named. The least
time of a pass is `t_roof = max(bytes / bw, operations / peak)`. *bytes* are the packed weights and the visible K and V that
a pass must read, counted where the ops are run. A share is the median over the repetitions. Steal is what the host took of
the processors' time, other what other processes took; both matter above 3 %. *Open* means not measured on that kind.
"""


# What tells the entries of a section apart.
NAMED_BY = {"peers": ("engine", "type", "test"), "linear": ("layer", "m"), "packed": ("codec", "density", "layer", "m"),
            "gemm": ("product",)}


def load(folder):
    """{kind: {"runs": {(name, model): run}, "peers": [...], "linear": ...}}; of equal names the newest counts, and of
    another engine's types the newest day, with ours of every file that still counts."""
    kinds = {}
    files = []
    for path in folder.glob("*.json"):
        result = json.loads(path.read_text())
        files.append((result["date"], path.name, result))
    for date, file, result in sorted(files, key=lambda f: f[:2]):
        kind = kinds.setdefault(result["machine_kind"], {"runs": {}, "peers": [], "linear": [], "packed": [], "gemm": [],
                                                           "cpu": ""})
        kind["cpu"] = result.get("cpu", kind["cpu"])
        stamp = {"date": date, "file": file, "commit": result["commit"]}
        for run in result.get("runs", []):
            kind["runs"][run["name"], run["model"]] = {**run, **stamp}
        for section, names in NAMED_BY.items():
            fresh = [{**entry, **stamp} for entry in result.get(section, [])]
            name = lambda e: tuple(e[n] for n in names) + (e["file"] if e.get("engine") == "lacuna" else "",)
            again = {name(e) for e in fresh}
            # Files of one day add up beside other engines: they ran in turns with ours.
            kept = lambda e: name(e) not in again or (section == "peers" and e["date"] == date)
            kind[section] = [e for e in kind[section] if kept(e)] + fresh
    for kind in kinds.values():
        days = {p["date"] for p in kind["peers"] if p["engine"] != "lacuna"}
        kind["peers"] = [p for p in kind["peers"] if p["date"] in days]
    return kinds


def decode_goal(goals, kind, model):
    run, rows = rows_of(kind, "decode", model)
    row = rows.get("tg128")
    what, goal = "decode (tg128), %s" % model, "92 % of bw"
    if not row:
        return goals.add(what, goal)
    goals.add(what, goal, "%s: %.1f of %.1f GB/s, %.2f t/s" % (percent(row["roof_share"]), row["gb_s"], row["stream_gb_s"],
                                                               row["avg_ts"]),
              row["roof_share"] >= 0.92, run, load_note([row]))


def prompt_goal(goals, kind, model, amx):
    run, rows = rows_of(kind, "decode", model)
    row = rows.get("pp512")
    what = "prompt of 512, %s" % model
    goal = "50 % of TDPBF16PS" if amx else "70 % of f32 FMA"
    if not row:
        return goals.add(what, goal)
    share = row["gflop_s"] / row["peak_gflop_s"] if row["peak_gflop_s"] else 0
    goals.add(what, goal, "%s: %.0f of %.0f GFLOP/s, %.0f t/s" % (percent(share), row["gflop_s"], row["peak_gflop_s"],
                                                                  row["avg_ts"]),
              share >= (0.5 if amx else 0.7), run, load_note([row]))


def peer_goal(goals, kind, amx):
    """Ours against llama.cpp's best type, on the prompt, from the file where both ran alternately."""
    what = "prompt of 512 beside llama.cpp's best type, tinyllama-1.1b"
    goal = "4 x" if amx else "reported"
    ours = [p for p in kind["peers"] if p["engine"] == "lacuna" and p["test"] == "pp512" and p["type"].lower() == "bf16"]
    theirs = [p for p in kind["peers"] if p["engine"] == "llama.cpp" and p["test"] == "pp512"]
    ours, theirs = same_day(ours, theirs)
    if not ours or not theirs:
        return goals.add(what, goal)
    best = max(theirs, key=lambda p: p["best_ts"])
    ratio = ours[0]["best_ts"] / best["best_ts"]
    goals.add(what, goal, "%.2f x: %.0f t/s beside %.0f (%s)" % (ratio, ours[0]["best_ts"], best["best_ts"], best["type"]),
              ratio >= 4 if amx else True, ours[0])


def linear_goal(goals, kind, amx):
    what = "largest linear layers, M = 512"
    share_goal = 0.65 if amx else 0.82
    goal = "%.0f %% of %s" % (100 * share_goal, "peak, above oneDNN" if amx else "f32 FMA, oneDNN reported")
    entries = [e for e in kind["linear"] if e["m"] == 512]
    if not entries:
        return goals.add(what, goal)
    # "Largest": the quarter with the most weights.
    largest = sorted(entries, key=lambda e: -e["n"] * e["k"])[:max(1, len(entries) // 4)]
    share = statistics.median(e["peak_share"] for e in largest)
    beside = [e for e in largest if e.get("onednn_gflop_s")]
    above = bool(beside) and all(e["gflop_s"] > e["onednn_gflop_s"] for e in beside)
    ratio = statistics.median(e["gflop_s"] / e["onednn_gflop_s"] for e in beside) if beside else 0
    figure = percent(share) + (", %.2f x oneDNN" % ratio if beside else ", oneDNN not measured")
    goals.add(what, goal, figure, share >= share_goal and (above or not amx), largest[0])


def depth_goal(goals, kind):
    run, rows = rows_of(kind, "depth", "llama-3.1-8b-l4")
    base = rows.get("tg32")
    for depth in (4096, 32768):
        row = rows.get("tg32 @ d%d" % depth)
        what = "t(d) / t(0), depth %d, 8 B shape of 4 layers" % depth
        goal = "1.10 x bytes(d) / bytes(0)"
        if not row or not base:
            goals.add(what, goal)
            continue
        time = statistics.median(row["samples_ns"]) / statistics.median(base["samples_ns"])
        bytes_ratio = row["bytes"] / base["bytes"]
        goals.add(what, goal, "%.2f x: time %.2f, bytes %.2f" % (time / bytes_ratio, time, bytes_ratio),
                  time <= 1.10 * bytes_ratio, run, load_note([row, base]))


def long_goal(goals, kind, amx):
    for model, head_dim in (("llama-3.1-8b-l4", 128), ("llama-3.2-1b", 64)):
        share_goal = (0.40 if head_dim == 128 else 0.25) if amx else 0.45
        run, rows = rows_of(kind, "long", model)
        row = rows.get("pp8192")
        what = "prompt of 8 k, attention part, head_dim %d" % head_dim
        goal = "%.0f %% of %s" % (100 * share_goal, "peak" if amx else "f32 FMA")
        if not row or not row["op_ns"]["attention"]:
            goals.add(what, goal)
            continue
        rate = row["attention_ops"] / row["op_ns"]["attention"]
        share = rate / row["peak_gflop_s"]
        goals.add(what, goal, "%s: %.0f of %.0f GFLOP/s" % (percent(share), rate, row["peak_gflop_s"]), share >= share_goal,
                  run, load_note([row]))


def load_goal(goals, kind):
    run, rows = rows_of(kind, "load", "tinyllama-1.1b")
    row = next(iter(rows.values()), None)
    if not row:
        goals.add("load of 2.2 GB from the page cache", "2 s")
        return goals.add("peak RSS after loading", "1.1 x the weights")
    goals.add("load of 2.2 GB from the page cache", "2 s", "%.2f s" % (row["load_ms"] / 1e3), row["load_ms"] < 2000, run)
    ratio = row["load_rss_bytes"] / row["model_size"]
    goals.add("peak RSS after loading", "1.1 x the weights", "%.2f x" % ratio, ratio <= 1.1, run)


def small_ops_goal(goals, kind):
    """No op but linear and attention above 3 % of a decode step."""
    run, rows = rows_of(kind, "decode", "tinyllama-1.1b")
    row = rows.get("tg128")
    what, goal = "norms, rope, embedding, KV writes in a decode step, tinyllama-1.1b", "each 3 %"
    if not row:
        return goals.add(what, goal)
    shares = {op: ns / row["avg_ns"] for op, ns in row["op_ns"].items() if op not in ("linear", "attention")}
    rest = 1 - sum(row["op_ns"].values()) / row["avg_ns"]
    figure = ", ".join("%s %s" % (op, percent(share)) for op, share in shares.items()) + ", outside ops " + percent(rest)
    goals.add(what, goal, figure, max(*shares.values(), rest) <= 0.03, run)


def figures_table(kind):
    lines = ["| model | test | threads | t/s | ms | GB/s of bw | GFLOP/s of peak | roof share | steal, other | kernels | commit, date |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|---|---|"]
    for (name, model), run in sorted(kind["runs"].items()):
        if name.startswith("load"):  # with a small buffer for bandwidth: only the loading counts
            continue
        for row in run["rows"]:
            lines.append("| %s | %s | %d | %.2f ± %.2f | %.2f | %.1f of %.1f | %.0f of %.0f | %s | %s, %s | %s | %s, %s |" % (
                model, row["test"], row["n_threads"], row["avg_ts"], row["stddev_ts"], row["avg_ns"] / 1e6, row["gb_s"],
                row["stream_gb_s"], row["gflop_s"], row["peak_gflop_s"], percent(row["roof_share"]),
                percent(row["steal_share"]), percent(row["other_share"]), " ".join(row["kernels"]), run["commit"], run["date"]))
    return "\n".join(lines) + "\n"


def commands(kind):
    seen = []
    for _, run in sorted(kind["runs"].items()):
        if run["command"] not in seen:
            seen.append(run["command"])
    return "".join("    %s\n" % c for c in seen)


def peers_table(kind):
    lines = ["| engine | version | type | test | best t/s | all rounds | commit |", "|---|---|---|---|--:|---|---|"]
    for p in kind["peers"]:
        lines.append("| %s | %s | %s | %s | %.1f | %s | %s |" % (
            p["engine"], p["version"], p["type"], p["test"], p["best_ts"], " ".join("%.1f" % t for t in p["rounds_ts"]),
            p["commit"][:12]))
    return "\n".join(lines) + "\n"


def linear_table(kind):
    lines = ["| layer | N x K | M | GFLOP/s | of peak | GB/s | roof share | oneDNN GFLOP/s | of oneDNN | kernel |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|---|"]
    for e in kind["linear"]:
        dnn = e.get("onednn_gflop_s") or 0
        lines.append("| %s | %d x %d | %d | %.0f | %s | %.1f | %s | %s | %s | %s |" % (
            e["layer"], e["n"], e["k"], e["m"], e["gflop_s"], percent(e["peak_share"]), e["gb_s"], percent(e["roof_share"]),
            "%.0f" % dnn if dnn else "", "%.2f x" % (e["gflop_s"] / dnn) if dnn else "", e.get("kernel", "")))
    return "\n".join(lines) + "\n"


def gemm_table(kind):
    lines = ["*tile*: the kernel alone. *hessian/K*: x^T x of 2048 tokens with K inputs. *factor/K*: Cholesky's factor and its inverse.",
             "*carry/K*: errors of 128 columns carried into K, for 128 channels a thread. *error/K*: H d for as many. Operations are those",
             "that a result needs, of x^T x the upper triangle; oneDNN's sgemm computes the whole square, and its rate counts that.",
             "*before*: another commit beside it, in turns. `scripts/bench_gemm.py` measures.", "",
             "| product | GFLOP/s | of FMA | before | oneDNN GFLOP/s | kernel | commit, date |", "|---|--:|--:|--:|--:|---|---|"]
    for e in kind["gemm"]:
        before = e.get("before_peak_share")
        lines.append("| %s | %.0f of %.0f | %s | %s | %s | %s | %s, %s |" % (
            e["product"], e["gflop_s"], e["peak_gflop_s"], percent(e["peak_share"]),
            "%s (%s)" % (percent(before), e["before_commit"]) if before else "",
            "%.0f" % e["onednn_gflop_s"] if "onednn_gflop_s" in e else "", e["kernel"], e["commit"], e["date"]))
    return "\n".join(lines) + "\n"


def document(kinds):
    text = HEAD
    names = ALWAYS + sorted(k for k in kinds if k not in ALWAYS)
    for name in names:
        kind = kinds.get(name, {"runs": {}, "peers": [], "linear": [], "packed": [], "gemm": [], "cpu": ""})
        amx = name == "intel-amx"
        goals = Goals()
        for model in WHOLE_MODELS:
            decode_goal(goals, kind, model)
        for model in WHOLE_MODELS:
            rows_goal(goals, kind, "decode", model, amx)
        for model in WHOLE_MODELS:
            prompt_goal(goals, kind, model, amx)
        peer_goal(goals, kind, amx)
        linear_goal(goals, kind, amx)
        depth_goal(goals, kind)
        long_goal(goals, kind, amx)
        load_goal(goals, kind)
        small_ops_goal(goals, kind)
        packed = Goals()
        bench_goals_packed.add_all(packed, kind, amx)
        text += "\n## %s: %s\n\n" % (name, KINDS.get(name, name))
        if kind["cpu"]:
            text += "%s\n\n" % kind["cpu"]
        text += goals.text() + "\n### Packed weights\n\n" + bench_goals_packed.HEAD + "\n" + packed.text()
        if kind["runs"]:
            text += "\n### All figures\n\n" + figures_table(kind) + "\n" + commands(kind)
        if kind["linear"]:
            text += "\n### Linear layers\n\n" + linear_table(kind)
        if kind["packed"]:
            text += "\n### Linear layers over packed weights\n\n" + bench_goals_packed.layers_table(kind)
        if kind["gemm"]:
            text += "\n### Products of `lacuna compress` in float32\n\n" + gemm_table(kind)
        if kind["peers"]:
            text += "\n### Other engines, run alternately, tinyllama-1.1b\n\n" + peers_table(kind)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench" / "RESULTS.md")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    text = document(load(args.folder))
    if args.check:
        if args.output.exists() and args.output.read_text() == text:
            return 0
        print("%s is not what %s gives: run scripts/bench_results.py" % (args.output, args.folder), file=sys.stderr)
        return 1
    args.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
