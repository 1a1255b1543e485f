#!/usr/bin/env python3
"""Runs llama.cpp's llama-bench and lacuna, in each codec, alternately on TinyLlama 1.1 B's shape and writes
bench/results/KIND-DATE-peers.json. Every engine gets the same threads; each round runs every engine once, and the best
round of each counts, since what disturbs a shared machine only ever slows.

    scripts/peers/run.py                       after scripts/peers/setup.sh; build/peers, build/lacuna
    scripts/peers/run.py --rounds 3 --types Q8_0,Q4_0 --codecs int4,bitmap-int4:0.5
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import bench_run  # noqa: E402

say = bench_run.say
SHAPE = "tinyllama-1.1b"


def make_gguf(peers, kind, python):
    path = peers / ("%s-%s.gguf" % (SHAPE, kind))
    if not path.exists():
        say("making", path.name)
        partial = path.with_suffix(".partial")
        environment = dict(os.environ, PYTHONPATH=str(peers / "site"))
        subprocess.run([python, str(ROOT / "scripts" / "peers" / "make_gguf.py"), str(partial), "--type", kind], check=True,
                       env=environment)
        os.replace(partial, path)
    return path


def llama_bench(program, model, threads, prompt, gen):
    command = [str(program), "-m", str(model), "-t", str(threads), "-p", str(prompt), "-n", str(gen), "-r", "1", "-o", "json"]
    # OpenMP threads that spin after a region would take time from whoever runs next, but the process ends first.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return {"pp%d" % r["n_prompt"] if r["n_prompt"] else "tg%d" % r["n_gen"]: r["avg_ts"] for r in json.loads(done.stdout)}


def lacuna_bench(lacuna, model, threads, prompt, gen):
    rows = bench_run.bench(lacuna, model, "-t %d -p %d -n %d -r 1" % (threads, prompt, gen))
    return {row["test"]: row["avg_ts"] for row in rows}, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, default=ROOT / "build" / "peers", help="what setup.sh filled")
    parser.add_argument("--lacuna", default=str(ROOT / "build" / "lacuna"))
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "bench-models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--python", default=None, help="with numpy, for make_gguf.py")
    parser.add_argument("--types", default="BF16,Q8_0,Q4_0,Q4_K")
    parser.add_argument("--codecs", default="bf16,int8,int4,bitmap-int8:0.5,bitmap-int4:0.5", help="ours, CODEC[:DENSITY]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--gen", type=int, default=64)
    args = parser.parse_args()

    venv = args.peers / "venv" / "bin" / "python"
    python = args.python or (str(venv) if venv.exists() else sys.executable)
    program = args.peers / "llama.cpp" / "bin" / "llama-bench"
    version = (args.peers / "llama.cpp" / "version.txt").read_text().strip()
    types = args.types.split(",")
    files = {kind: make_gguf(args.peers, kind, python) for kind in types}
    ours = {}
    for name in args.codecs.split(","):
        codec, _, density = name.partition(":")
        model = SHAPE if codec == "bf16" else bench_run.packed_model(SHAPE, codec, float(density) if density else None)
        label = codec + (" %.0f %%" % (100 * float(density)) if density else "")
        ours[label] = bench_run.ensure_model(args.lacuna, args.models, model)

    results = {}  # (engine, type, test): rates, a round each
    rows = []
    for round_number in range(args.rounds):
        say("round", round_number + 1)
        for label, path in ours.items():
            rates, rows = lacuna_bench(args.lacuna, path, args.threads, args.prompt, args.gen)
            for test, rate in rates.items():
                results.setdefault(("lacuna", label, test), []).append(rate)
                say("  lacuna     %-16s %-6s %8.1f t/s" % (label, test, rate))
        for kind, path in files.items():
            for test, rate in llama_bench(program, path, args.threads, args.prompt, args.gen).items():
                results.setdefault(("llama.cpp", kind, test), []).append(rate)
                say("  llama.cpp  %-16s %-6s %8.1f t/s" % (kind, test, rate))

    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    first = rows[0]
    peers = [{"engine": engine, "version": first["build_commit"] if engine == "lacuna" else "llama-cpp-python " + version,
              "type": kind, "test": test, "threads": args.threads, "best_ts": max(rates), "rounds_ts": rates}
             for (engine, kind, test), rates in results.items()]
    args.out.mkdir(parents=True, exist_ok=True)
    out = args.out / ("%s-%s-peers.json" % (first["machine_kind"], date))
    out.write_text(json.dumps({"commit": bench_run.commit(), "date": date, "machine_kind": first["machine_kind"],
                               "cpu": first["cpu_info"], "peers": peers}, indent=1) + "\n")
    say("wrote", out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
