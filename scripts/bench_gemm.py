#!/usr/bin/env python3
"""Runs bench/gemm_bench, the float32 products of `lacuna compress`, and oneDNN's sgemm on the same Hessians, alternately, and
writes bench/results/KIND-DATE-gemm.json. Both come from a build with LACUNA_BUILD_BENCH.

    scripts/bench_gemm.py
    scripts/bench_gemm.py --before OLD/gemm_bench --before-commit ID     figures of another build of it beside them
"""

import argparse
import pathlib
import sys

import bench_linear
import bench_run

ROOT = bench_run.ROOT
say = bench_run.say


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--match", default="gemm/", help="regular expression")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="the best of each program counts")
    parser.add_argument("--before", type=pathlib.Path, help="gemm_bench of another commit")
    parser.add_argument("--before-commit", default="")
    args = parser.parse_args()

    programs = {"now": args.build / "gemm_bench", "before": args.before, "onednn": args.build / "onednn_bench"}
    best, context = {}, {}
    for _ in range(args.rounds):
        for role, program in programs.items():
            if program is None or not program.exists():
                continue
            pattern = args.match if role != "onednn" else "^gemm/hessian"
            found, about = bench_linear.run(program, pattern, args.threads, whole_names=True)
            if role == "now":
                context = about
            for name, b in found.items():
                if b.get("error_occurred"):
                    say(name, b["error_message"])
                    return 1
                name = name.split("/min_time")[0].removeprefix("gemm/")
                # Of ours the share counts, as the processor's clock is part of the roof.
                rate = b.get("peak_share", b["gflop_s"])
                if rate > best.setdefault(name, {}).get(role, (0,))[0]:
                    best[name][role] = (rate, b)
    entries = []
    for name, roles in best.items():
        if "now" not in roles:
            continue
        b = roles["now"][1]
        entry = {"product": name, "gflop_s": round(b["gflop_s"], 2), "peak_gflop_s": round(b["peak_gflop_s"], 1),
                 "peak_share": round(b["peak_share"], 4), "kernel": b["label"]}
        if "before" in roles:
            entry.update(before_peak_share=round(roles["before"][0], 4), before_commit=args.before_commit)
        if "onednn" in roles:
            entry["onednn_gflop_s"] = round(roles["onednn"][0], 2)
        entries.append(entry)
        say("%-14s %6.1f GFLOP/s, %5.1f %% of FMA; before %5.1f %%; oneDNN %6.1f GFLOP/s" % (
            name, entry["gflop_s"], 100 * entry["peak_share"], 100 * entry.get("before_peak_share", 0),
            entry.get("onednn_gflop_s", 0)))
    bench_run.save_entries(args.out, context["machine_kind"], context["cpu"], "gemm", entries)
    return 0


if __name__ == "__main__":
    sys.exit(main())
