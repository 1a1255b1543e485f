#!/usr/bin/env python3
"""Runs bench/packed_bench, and bench/linear_bench for dense bf16 beside it, and writes bench/results/KIND-DATE-packed.json,
which scripts/plot_bench.py and scripts/bench_results.py read. Both programs come from a build with LACUNA_BUILD_BENCH.

    scripts/bench_packed.py                                            the layers of Llama 3.1 8 B, M = 1, 4, 16, 64, 512
    scripts/bench_packed.py --layers 'llama-1b|llama-8b' --rows 1,512 --codecs 'int4|bitmap-int4'
"""

import argparse
import pathlib
import re
import subprocess
import sys

import bench_linear
import bench_run

ROOT = bench_run.ROOT
say = bench_run.say


def split(name):
    """(codec, density, layer, m) of "bitmap-int4-0.5/llama-8b/o/16/.." or, of dense bf16, "llama-8b/o/16/.."."""
    parts = name.split("/")
    codec = parts.pop(0) if re.match(r"(bitmap-)?(bf16|int8|int4z?|codebook|nf4|fp4|mxfp4|nvfp4|razer)\b", parts[0]) else "bf16"
    density = 1.0
    if codec.startswith("bitmap-"):
        codec, at = codec.rsplit("-", 1)
        density = float(at)
    return codec, density, "/".join(parts[:2]), int(parts[2])


def listed(program):
    done = subprocess.run([str(program), "--benchmark_list_tests"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True)
    return done.stdout.split()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--layers", default="llama-8b", help="regular expression")
    parser.add_argument("--codecs", default="bf16|int8|int4|bitmap-(bf16|int8|int4)", help="regular expression, whole name")
    parser.add_argument("--densities", default="", help="of bitmaps, comma-separated; all of them where empty")
    parser.add_argument("--suffix", default="", help="for a second file of one day")
    parser.add_argument("--rows", default="1,4,16,64,512", help="comma-separated numbers of rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3, help="the one nearest to the roof beside it counts")
    args = parser.parse_args()

    rows = {int(m) for m in args.rows.split(",")}
    densities = {float(d) for d in args.densities.split(",") if d}
    entries, context = [], {}
    for program in ("linear_bench", "packed_bench"):
        groups = {}  # what shares its weights runs in one process
        for name in listed(args.build / program):
            codec, density, layer, m = split(name)
            if codec.startswith("bitmap-") and densities and density not in densities:
                continue
            if m in rows and re.search(args.layers, layer) and re.fullmatch(args.codecs, codec):
                groups.setdefault(name.rsplit("/%d/" % m, 1)[0], []).append(str(m))
        for group, sizes in groups.items():
            pattern = "^%s/(%s)/" % (group, "|".join(sizes))
            done, context = bench_linear.run(args.build / program, pattern, args.threads, whole_names=True,
                                             repetitions=args.repetitions)
            for name, b in done.items():
                if b.get("error_occurred"):
                    say(name, b["error_message"])
                    return 1
                codec, density, layer, m = split(name)
                n, k = int(b["n"]), int(b["k"])
                ns = 2 * m * n * k / b["gflop_s"]
                entries.append({"codec": codec, "density": density, "layer": layer, "n": n, "k": k, "m": m,
                                "ns": round(ns, 1), "bits_per_weight": round(b["gb_s"] * ns * 8 / n / k, 4),
                                "gb_s": round(b["gb_s"], 3), "gflop_s": round(b["gflop_s"], 2),
                                "stream_gb_s": round(b["stream_gb_s"], 2), "peak_gflop_s": round(b["peak_gflop_s"], 1),
                                "roof_share": round(b["roof_share"], 4), "kernel": b.get("label", "")})
                e = entries[-1]
                say("%-36s %6.2f bits  %10.3f ms  %5.1f of %5.1f GB/s  roof share %.3f  %s" % (
                    name.split("/min_time")[0], e["bits_per_weight"], ns / 1e6, e["gb_s"], e["stream_gb_s"],
                    e["roof_share"], e["kernel"]))
    if not entries:
        parser.error("no benchmark has such a layer, codec and number of rows")
    bench_run.save_entries(args.out, context["machine_kind"], context["cpu"], "packed", entries, suffix=args.suffix)
    return 0


if __name__ == "__main__":
    sys.exit(main())
