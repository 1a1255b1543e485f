#!/usr/bin/env python3
"""Runs bench/linear_bench and bench/onednn_bench alternately, layer by layer, on the same data, compares their results, and
writes bench/results/KIND-DATE-linear.json. Both come from a build with LACUNA_BUILD_BENCH.

    scripts/bench_linear.py                         all layers, all numbers of rows
    scripts/bench_linear.py --layers 'llama-8b' --rows 1,512
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import bench_run

ROOT = bench_run.ROOT
say = bench_run.say


def rank(repetition, peak):
    """What is wrong comes before all others; then what ran at the processor's full speed, and nearest to its roof."""
    disturbed = repetition.get("peak_gflop_s", 0) < 0.95 * peak
    return repetition.get("error_occurred", False), not disturbed, repetition.get("roof_share", 0)


def run(program, pattern, threads, whole_names=False, repetitions=1):
    """{name: entry} of one process, of the repetition nearest to its own roof, and its context."""
    environment = dict(os.environ, LACUNA_THREADS=str(threads), OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
    command = [str(program), "--benchmark_format=json", "--benchmark_filter=" + pattern,
               "--benchmark_repetitions=%d" % repetitions]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError("%s: exit %d" % (" ".join(command), done.returncode))
    result = json.loads(done.stdout)
    # "llama-8b/o/512/min_time:0.2/real_time"
    named, peak = {}, max(b.get("peak_gflop_s", 0) for b in result["benchmarks"])
    for b in result["benchmarks"]:
        name = b["name"] if whole_names else "/".join(b["name"].split("/")[:3])
        if b["run_type"] != "iteration":
            continue
        if name not in named or rank(b, peak) > rank(named[name], peak):
            named[name] = b
    return named, result["context"]


def names(program):
    done = subprocess.run([str(program), "--benchmark_list_tests"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True)
    return ["/".join(line.split("/")[:3]) for line in done.stdout.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--layers", default="", help="regular expression")
    parser.add_argument("--rows", default="", help="comma-separated numbers of rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2, help="the best of each engine counts")
    args = parser.parse_args()

    ours, theirs = args.build / "linear_bench", args.build / "onednn_bench"
    rows = set(args.rows.split(",")) if args.rows else None
    layers = {}
    for name in names(ours):
        layer, m = name.rsplit("/", 1)
        if re.search(args.layers, layer) and (rows is None or m in rows):
            layers.setdefault(layer, []).append(m)

    entries, wrong, context = [], [], {}
    for layer, sizes in layers.items():
        pattern = "^%s/(%s)/" % (layer, "|".join(sizes))
        best, beside = {}, {}
        for _ in range(args.rounds):
            mine, context = run(ours, pattern, args.threads)
            for name, b in mine.items():
                if name not in best or b["gflop_s"] > best[name]["gflop_s"]:
                    best[name] = b
            if theirs.exists():
                for name, b in run(theirs, pattern, args.threads)[0].items():
                    if name not in beside or b["gflop_s"] > beside[name]["gflop_s"]:
                        beside[name] = b
        for name, b in best.items():
            entry = {"layer": layer, "n": int(b["n"]), "k": int(b["k"]), "m": int(b["m"]), "gflop_s": round(b["gflop_s"], 2),
                     "gb_s": round(b["gb_s"], 3), "peak_gflop_s": round(b["peak_gflop_s"], 1),
                     "stream_gb_s": round(b["stream_gb_s"], 2), "peak_share": round(b["gflop_s"] / b["peak_gflop_s"], 4),
                     "roof_share": round(b["roof_share"], 4), "kernel": b.get("label", "")}
            other = beside.get(name)
            if other:
                entry["onednn_gflop_s"] = round(other["gflop_s"], 2)
                # Both round the inputs alike; only the order of sums differs.
                scale = max(1.0, abs(b["checksum"]), b["k"] ** 0.5 * b["n"] ** 0.5)
                if abs(b["checksum"] - other["checksum"]) > 1e-3 * scale:
                    wrong.append("%s: %r beside %r" % (name, b["checksum"], other["checksum"]))
            entries.append(entry)
            say("%-24s %8.1f GFLOP/s %5.1f %% of peak  %5.1f GB/s  roof share %.3f  oneDNN %8.1f  %s" % (
                name, entry["gflop_s"], 100 * entry["peak_share"], entry["gb_s"], entry["roof_share"],
                entry.get("onednn_gflop_s", 0), entry["kernel"]))
    if wrong:
        say("results differ:", *wrong, sep="\n  ")
        return 1
    bench_run.save_entries(args.out, context["machine_kind"], context["cpu"], "linear", entries)
    return 0


if __name__ == "__main__":
    sys.exit(main())
