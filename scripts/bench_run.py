#!/usr/bin/env python3
"""Runs the whole set of benchmarks and writes bench/results/KIND-DATE[-SUFFIX].json, which scripts/bench_results.py reads.

    scripts/bench_run.py                          everything, with build/lacuna, models in build/bench-models
    scripts/bench_run.py --only decode,load       some groups
    scripts/bench_run.py --list                   the groups and their commands

Models have random weights of known shapes (lacuna synth) and are made where they are missing. Run it on an idle machine:
what other processes and the host took is in every row. Standard library only.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# name: (shape, more flags of synth)
MODELS = {
    "tinyllama-1.1b": ("tinyllama-1.1b", ""),
    "llama-3.2-1b": ("llama-3.2-1b", ""),
    "llama-3.1-8b-l4": ("llama-3.1-8b", "--layers 4"),
}
# Packed weights: bf16 of the 1.1 B shape, others of one that is larger than any cache in 4 bits too. lm_head has the codec.
PACKED_SHAPES = {"bf16": "tinyllama-1.1b", "int8": "llama-3.2-3b", "int4": "llama-3.2-3b"}
DENSITIES = (0.3, 0.5, 0.7)


def packed_model(shape, codec, density=None):
    """The name of a model of MODELS, put there."""
    name = "%s-%s" % (shape, codec) + ("" if density is None else "-%g" % density)
    MODELS[name] = (shape, "--codec " + codec + ("" if density is None else " --density %g" % density))
    return name


def packed_runs():
    """Each codec dense and as a bitmap of half; the other densities decode only."""
    rows = "--rows 1,2,4,8,16,32"
    for values, shape in PACKED_SHAPES.items():
        if values != "bf16":  # "decode" has it
            yield "packed", packed_model(shape, values), "-p 512 -n 32 -r {r} " + rows
        for density in DENSITIES:
            whole = "-p 512 " + rows if density == 0.5 else "-p 0"
            yield "packed", packed_model(shape, "bitmap-" + values, density), "-n 32 -r {r} " + whole


# group: [(run name, model, flags of bench)]. The last of two equal loads finds the file in the page cache.
GROUPS = {
    "decode": [
        ("decode", "tinyllama-1.1b", "-p 512 -n 128 -r {r} --rows 1,2,4,8,16,32"),
        ("decode", "llama-3.2-1b", "-p 512 -n 128 -r {r} --rows 1,2,4,8,16,32"),
    ],
    "depth": [
        ("depth", "llama-3.1-8b-l4", "-p 0 -n 32 -d {d} -r 3"),
    ],
    "long": [
        ("long", "llama-3.1-8b-l4", "-p 8192 -n 0 -r {long} --no-warmup"),
        ("long", "llama-3.2-1b", "-p 8192 -n 0 -r {long} --no-warmup"),
    ],
    "load": [
        ("load-first", "tinyllama-1.1b", "-p 0 -n 1 -r 1 --stream-mib 64"),
        ("load", "tinyllama-1.1b", "-p 0 -n 1 -r 1 --stream-mib 64"),
    ],
    "packed": list(packed_runs()),
}


def say(*words, sep=" "):
    print(*words, sep=sep, file=sys.stderr, flush=True)


def git(*args):
    done = subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    """The commit measured, marked when the tree has other changes than results."""
    changes = [l for l in git("status", "--porcelain", "--untracked-files=no").splitlines() if "bench/" not in l]
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changes else "")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def save(out, result):
    """Whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(partial, out)
    return out


def save_entries(folder, kind, cpu, what, entries, date=None, suffix=""):
    """folder/KIND-DATE-WHAT.json, which bench_results.py reads."""
    date = date or today()
    say("wrote", save(folder / ("%s-%s-%s%s.json" % (kind, date, what, suffix and "-" + suffix)),
                      {"commit": commit(), "date": date, "machine_kind": kind, "cpu": cpu, what: entries}))


def ensure_model(lacuna, folder, name):
    path = folder / name
    if not path.exists():
        shape, flags = MODELS[name]
        say("making", name)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([lacuna, "synth", "--shape", shape, "-o", str(path), *flags.split()], check=True)
    return path


def bench(lacuna, model, flags):
    """The rows of one `lacuna bench`, without the folder the model lies in."""
    command = [lacuna, "bench", "-m", str(model), *flags.split(), "-o", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s: exit %d" % (" ".join(command), done.returncode))
    rows = json.loads(done.stdout)
    for row in rows:
        row["model_filename"] = model.name
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lacuna", default=str(ROOT / "build" / "lacuna"), help="the command")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "bench-models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results", help="folder of the result")
    parser.add_argument("--suffix", default="", help="for a second file of one day")
    parser.add_argument("--only", default="", help="groups, comma-separated")
    parser.add_argument("--threads", default="0")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--depths", default="0,4096,32768", help="of the group depth; without tiles the last takes ten minutes")
    parser.add_argument("--long-repetitions", type=int, default=2, help="of the group long")
    parser.add_argument("--match", default="", help="of the groups' runs those whose model has this in its name")
    parser.add_argument("--discard", action="store_true", help="remove packed models after use: all of them take 20 GB")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()

    groups = args.only.split(",") if args.only else list(GROUPS)
    for group in groups:
        if group not in GROUPS:
            parser.error("no group '%s', there are %s" % (group, ", ".join(GROUPS)))

    def filled(flags):
        return flags.format(r=args.repetitions, d=args.depths, long=args.long_repetitions)

    def chosen(group):
        return [run for run in GROUPS[group] if args.match in run[1]]

    if args.list:
        for group in groups:
            for _, model, flags in chosen(group):
                print("%-8s lacuna bench -m %s %s" % (group, model, filled(flags)))
        return 0

    runs, failed = [], []
    date = today()
    out = None
    for group in groups:
        for name, model, flags in chosen(group):
            path = ensure_model(args.lacuna, args.models, model)
            flags = filled(flags) + " -t " + args.threads
            say("%s: %s %s" % (name, model, flags))
            try:
                rows = bench(args.lacuna, path, flags)
            except RuntimeError as error:
                say(error)
                failed.append(name)
                continue
            finally:
                if args.discard and group == "packed":
                    shutil.rmtree(path)
            runs.append({"name": name, "model": model, "command": "lacuna bench -m %s %s" % (model, flags), "rows": rows})
            for row in rows:
                say("  %-18s %9.2f t/s  %5.1f GB/s of %5.1f  roof share %.3f  steal %.3f other %.3f" % (
                    row["test"], row["avg_ts"], row["gb_s"], row["stream_gb_s"], row["roof_share"],
                    row["steal_share"], row["other_share"]))
            # After every run: what was measured is kept if the rest fails.
            first = runs[0]["rows"][0]
            suffix = "-" + args.suffix if args.suffix else ""
            out = save(args.out / ("%s-%s%s.json" % (first["machine_kind"], date, suffix)),
                       {"commit": commit(), "date": date, "machine_kind": first["machine_kind"],
                        "cpu": first["cpu_info"], "threads": first["n_threads"], "runs": runs})
    if out:
        say("wrote", out)
    if failed:
        say("failed:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
