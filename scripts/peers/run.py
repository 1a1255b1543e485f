#!/usr/bin/env python3
"""Runs lacuna in each codec and other engines alternately on TinyLlama 1.1 B's shape and writes
bench/results/KIND-DATE-peers.json. Every engine gets the same threads; each round runs every engine once, and the best
round of each counts, since what disturbs a shared machine only ever slows.

    scripts/peers/run.py                       after scripts/peers/setup.sh; build/peers, build/lacuna
    scripts/peers/run.py --rounds 3 --engines llama.cpp --types Q8_0,Q4_0 --codecs int4,bitmap-int4:0.5
    scripts/peers/run.py --make                the models only

llama.cpp and ik_llama.cpp are timed by their llama-bench, ik_llama.cpp with weights repacked at load; OpenVINO GenAI by
bench_openvino.py, on machines with AMX its sparse int8 mode too. An engine that setup.sh did not make is left out.
"""

import argparse
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


def make(path, command, **environment):
    """The model, made where it is missing."""
    if not path.exists():
        say("making", path.name)
        partial = path.with_name(path.name + ".new")
        subprocess.run(command(partial), check=True, env=dict(os.environ, **environment), stdout=sys.stderr)
        os.replace(partial, path)
    return path


def output_of(command):
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout)


class LlamaBench:
    """llama.cpp, or its fork with more flags."""

    def __init__(self, name, args, *flags):
        self.name, self.flags, self.args = name, list(flags), args
        folder = args.peers / name
        self.program = folder / "bin" / "llama-bench"
        self.there = self.program.exists() and (folder / "version.txt").exists()
        self.version = (folder / "version.txt").read_text().strip() if self.there else ""
        self.types = args.types.split(",")

    def model(self, kind):
        script = [self.args.python, str(ROOT / "scripts" / "peers" / "make_gguf.py"), "--type", kind]
        return make(self.args.peers / ("%s-%s.gguf" % (SHAPE, kind)), lambda path: script + [str(path)],
                    PYTHONPATH=str(self.args.peers / "site"))

    def rates(self, kind):
        a = self.args
        # OpenMP threads that spin after a region would take time from whoever runs next, but the process ends first.
        rows = output_of([str(self.program), "-m", str(self.model(kind)), "-t", str(a.threads), "-p", str(a.prompt), "-n",
                          str(a.gen), "-r", "1", "-o", "json", *self.flags])
        return {"pp%d" % r["n_prompt"] if r["n_prompt"] else "tg%d" % r["n_gen"]: r["avg_ts"] for r in rows}


class OpenVino:
    name = "OpenVINO GenAI"

    def __init__(self, args, amx):
        self.args, self.python, self.version = args, args.peers / "openvino" / "bin" / "python", ""
        self.there = self.python.exists()
        self.types = ["int4", "int8"] + (["int8-sparse"] if amx else [])

    def model(self, kind):
        script = [str(self.python), str(ROOT / "scripts" / "peers" / "make_openvino.py"), "--type", kind]
        return make(self.args.peers / ("%s-openvino-%s" % (SHAPE, kind)), lambda path: script + [str(path)])

    def rates(self, kind):
        a = self.args
        sparse = ["--sparse-rate", "0.4"] if kind == "int8-sparse" else []  # its weights are half zeros
        rates = output_of([str(self.python), str(ROOT / "scripts" / "peers" / "bench_openvino.py"), str(self.model(kind)), "-t",
                           str(a.threads), "-p", str(a.prompt), "-n", str(a.gen), *sparse])
        self.version = rates.pop("version")
        return rates


def lacuna_bench(lacuna, model, threads, prompt, gen):
    rows = bench_run.bench(lacuna, model, "-t %d -p %d -n %d -r 1" % (threads, prompt, gen))
    return {row["test"]: row["avg_ts"] for row in rows}, rows


def note(results, engine, kind, rates):
    for test, rate in rates.items():
        results.setdefault((engine, kind, test), []).append(rate)
        say("  %-14s %-16s %-6s %8.1f t/s" % (engine, kind, test, rate))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, default=ROOT / "build" / "peers", help="what setup.sh filled")
    parser.add_argument("--lacuna", default=str(ROOT / "build" / "lacuna"))
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "bench-models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench" / "results")
    parser.add_argument("--python", default=None, help="with numpy, for make_gguf.py")
    parser.add_argument("--engines", default="llama.cpp,ik_llama.cpp,OpenVINO GenAI")
    parser.add_argument("--types", default="BF16,Q8_0,Q4_0,Q4_K_S", help="of GGUF")
    parser.add_argument("--codecs", default="bf16,int8,int4,bitmap-int8:0.5,bitmap-int4:0.5", help="ours, CODEC[:DENSITY]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--gen", type=int, default=64)
    parser.add_argument("--make", action="store_true", help="make missing models and stop")
    args = parser.parse_args()

    venv = args.peers / "venv" / "bin" / "python"
    args.python = args.python or (str(venv) if venv.exists() else sys.executable)
    amx = " amx_tile" in pathlib.Path("/proc/cpuinfo").read_text()
    every = [LlamaBench("llama.cpp", args), LlamaBench("ik_llama.cpp", args, "-rtr", "1"), OpenVino(args, amx)]
    chosen = args.engines.split(",")
    if unknown := set(chosen) - {engine.name for engine in every}:
        parser.error("no engine %s, there are %s" % (", ".join(unknown), ", ".join(engine.name for engine in every)))
    engines = []
    for engine in every:
        if engine.name in chosen and not engine.there:
            say("left out:", engine.name, "is not in", args.peers)
        elif engine.name in chosen:
            engines.append(engine)
    for engine in engines:
        for kind in engine.types:
            engine.model(kind)
    ours = {}
    for name in args.codecs.split(","):
        codec, _, density = name.partition(":")
        model = SHAPE if codec == "bf16" else bench_run.packed_model(SHAPE, codec, float(density) if density else None)
        label = codec + (" %.0f %%" % (100 * float(density)) if density else "")
        ours[label] = bench_run.ensure_model(args.lacuna, args.models, model)

    if args.make:
        return 0

    results = {}  # (engine, type, test): rates, a round each
    date = bench_run.today()
    args.out.mkdir(parents=True, exist_ok=True)
    for round_number in range(args.rounds):
        say("round", round_number + 1)
        for label, path in ours.items():
            rates, rows = lacuna_bench(args.lacuna, path, args.threads, args.prompt, args.gen)
            note(results, "lacuna", label, rates)
        for engine in engines:
            for kind in engine.types:
                note(results, engine.name, kind, engine.rates(kind))

        # After every round: what was measured is kept if the rest fails.
        first = rows[0]
        versions = {"lacuna": first["build_commit"], **{engine.name: engine.version for engine in engines}}
        peers = [{"engine": engine, "version": versions[engine], "type": kind, "test": test, "threads": args.threads,
                  "best_ts": max(rates), "rounds_ts": rates} for (engine, kind, test), rates in results.items()]
        bench_run.save_entries(args.out, first["machine_kind"], first["cpu_info"], "peers", peers, date)
    return 0


if __name__ == "__main__":
    sys.exit(main())
