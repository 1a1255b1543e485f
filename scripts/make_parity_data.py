#!/usr/bin/env python3
"""Makes tests/data/parity: tiny random models and the log-probabilities Hugging Face transformers computes for them.

    python scripts/make_parity_data.py            writes tests/data/parity anew
    python scripts/make_parity_data.py --check    recomputes, writes nothing, exit 1 if weights or values moved
    python scripts/make_parity_data.py --add      computes the cases that are not stored yet and adds them

Needs torch, transformers, safetensors and numpy (versions used are in manifest.json). tests/data/README.md has the
layout. The reference is transformers in float32 with eager attention on the CPU, on exactly the directory that the
tests assemble, so that how a config is read is checked together with the arithmetic.

A model that could not tell wrong from right is no test: every case names a foil (the same weights under the config of
a likely mistake, e.g. rope scaling ignored) and the script refuses to store a case whose foil is not far away.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile
import zlib

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from parity_cases import ARCHITECTURES, CASES, MODELS

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "parity"
SEED = 2
LENGTH = 1500
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
# Positions that break things first: the start, edges of 64-token blocks and 512-token chunks, window borders, the end.
EDGES = [0, 1, 62, 63, 64, 65, 99, 100, 127, 128, 199, 200, 201, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025,
         1498, 1499]


def rng_for(*key):
    return np.random.default_rng([SEED, zlib.crc32("/".join(map(str, key)).encode())])


def text_for(vocab):
    return rng_for("text", vocab).integers(0, vocab, LENGTH).tolist()


def make_tensors(name, model):
    """Random weights whose logits have a standard deviation near 3 and whose scores one near 2: attention then rests
    on some ten tokens of a thousand, so a wrong angle, window or head shows in every later log-probability."""
    h, f, v, d = model["hidden"], model["ffn"], model["vocab"], model["head_dim"]
    q, kv = model["heads"] * d, model["kv_heads"] * d
    tensors = {}

    def add(key, shape, std, mean=0.0):
        tensors[key] = torch.from_numpy((rng_for(name, key).standard_normal(shape) * std + mean).astype(np.float32))

    head_std = 3.0 / h**0.5
    add("model.embed_tokens.weight", (v, h), head_std if model["tied"] else 1.0)
    if not model["tied"]:
        add("lm_head.weight", (v, h), head_std)
    plus_one = 1.0 if model.get("plus_one") else 0.0  # norms that are stored without the 1 that is added to them
    add("model.norm.weight", (h,), 0.2, 1.0 - plus_one)
    for i in range(model["layers"]):
        p = f"model.layers.{i}."
        residual = 1.2 if model["tied"] else 1.0  # tied: above the embedding's scale, or every token predicts itself
        for key, shape, gain in [("self_attn.q_proj", (q, h), 1.2), ("self_attn.k_proj", (kv, h), 1.2),
                                 ("self_attn.v_proj", (kv, h), 1.0), ("self_attn.o_proj", (h, q), residual),
                                 ("mlp.gate_proj", (f, h), 1.2), ("mlp.up_proj", (f, h), 1.0),
                                 ("mlp.down_proj", (h, f), residual)]:
            add(f"{p}{key}.weight", shape, gain / shape[1]**0.5)
            if key.split(".")[1].split("_")[0] in model["biases"]:
                add(f"{p}{key}.bias", (shape[0],), 0.4)
        for norm, mean in model.get("norms", {"input_layernorm": 1.0, "post_attention_layernorm": 1.0}).items():
            add(f"{p}{norm}.weight", (h,), 0.2, mean - plus_one)
        if model["qk_norm"]:
            whole = model["qk_norm"] == "all"
            for norm, width in [("self_attn.q_norm", q if whole else d), ("self_attn.k_norm", kv if whole else d)]:
                add(f"{p}{norm}.weight", (width,), 0.25, 1.2 - plus_one)
        if model.get("fused"):
            for fused, parts in [("self_attn.qkv_proj", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
                                 ("mlp.gate_up_proj", ["mlp.gate_proj", "mlp.up_proj"])]:
                tensors[f"{p}{fused}.weight"] = torch.cat([tensors.pop(f"{p}{part}.weight") for part in parts])
        if model.get("inv_freq"):  # old checkpoints store it; every loader ignores it
            tensors[f"{p}self_attn.rotary_emb.inv_freq"] = 1e4 ** -(torch.arange(0, d, 2) / d)
    return tensors


def write_weights(out):
    """One file per entry of MODELS[..]["files"]: the tensors whose name contains one of the given words."""
    for name, model in MODELS.items():
        left = make_tensors(name, model)
        for file, (dtype, words) in model["files"].items():
            chosen = {k: t.to(DTYPES[dtype]).contiguous() for k, t in left.items() if any(w in k for w in words)}
            left = {k: t for k, t in left.items() if k not in chosen}
            assert chosen, file
            save_file(chosen, out / "weights" / f"{file}.safetensors", metadata={"format": "pt"})
        assert not left, (name, sorted(left))


def case_config(case):
    model = MODELS[case["model"]]
    family = case.get("family", "llama")
    dtype = NAMES[next(iter(model["files"].values()))[0]]
    config = {
        "architectures": [ARCHITECTURES[family] + "ForCausalLM"],
        "model_type": family, "vocab_size": model["vocab"], "hidden_size": model["hidden"],
        "intermediate_size": model["ffn"], "num_hidden_layers": model["layers"],
        "num_attention_heads": model["heads"], "num_key_value_heads": model["kv_heads"], "head_dim": model["head_dim"],
        "hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "attention_dropout": 0.0,
        "initializer_range": 0.02, "use_cache": True, "bos_token_id": 1, "eos_token_id": 2,
        "tie_word_embeddings": model["tied"],
    }
    if case.get("style", "new") == "old":
        config |= {"torch_dtype": dtype, "transformers_version": "4.38.0"}
    else:
        config |= {"dtype": dtype, "transformers_version": "5.23.0"}
    config |= case["config"]
    for key in case.get("drop", []):
        del config[key]
    return config


def case_files(case):
    """The model directory's weight files -> files under parity/, with the index that several of them need."""
    files = case.get("files", list(MODELS[case["model"]]["files"]))
    if len(files) == 1:
        return {"model.safetensors": f"weights/{files[0]}.safetensors"}, None
    shards = {f"model-{i + 1:05}-of-{len(files):05}.safetensors": f"weights/{f}.safetensors"
              for i, f in enumerate(files)}
    weight_map, size = {}, 0
    for shard, source in shards.items():
        for key, tensor in load_file(case["root"] / source).items():
            weight_map[key] = shard
            size += tensor.nbytes
    return shards, {"metadata": {"total_size": size}, "weight_map": weight_map}


def log_probs(root, files, index, config, ids, exact=False):
    """Log-probabilities [length, vocab] in float64, from float32 logits (or, if exact, float64 matmuls and angles)."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "config.json").write_text(json.dumps(config))
        if index:
            (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        for name, source in files.items():
            (folder / name).symlink_to(root / source)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    if exact:
        rope = model.model.rotary_emb
        positions = torch.arange(len(ids))[None]

        def turn(prefix):
            rope(torch.zeros(1), positions, *([prefix[:-1]] if prefix else []))  # longrope chooses its frequencies here
            angles = positions.double()[..., None] * getattr(rope, f"{prefix}inv_freq").double()
            angles, scale = torch.cat((angles, angles), dim=-1), getattr(rope, f"{prefix}attention_scaling")
            return angles.cos() * scale, angles.sin() * scale

        turns = {kind: turn(f"{kind}_" if kind else "") for kind in getattr(rope, "layer_types", [""])}
        model = model.double()
        model.model.rotary_emb.forward = lambda x, position_ids, layer_type="": turns[layer_type]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0].double()
    return torch.log_softmax(logits, dim=-1), logits.std(dim=-1).mean().item()


def next_of(rows, ids):
    return rows[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def positions_for(length):
    chosen = {p for p in EDGES if p < length} | {length - 1}
    for p in rng_for("positions", length).permutation(length):
        if len(chosen) == 64:
            break
        chosen.add(int(p))
    return sorted(chosen)


def probes_for(vocab):
    return sorted({0, vocab - 1} | set(int(x) for x in 1 + rng_for("probes", vocab).permutation(vocab - 2)[:6]))


def run_case(name, case, out, stored):
    model = MODELS[case["model"]]
    config, length = case_config(case), case.get("length", LENGTH)
    ids = text_for(model["vocab"])[:length]
    files, index = case_files(case)
    rows, spread = log_probs(out, files, index, config, ids)
    exact, _ = log_probs(out, files, index, config, ids, exact=True)
    following, following_exact = next_of(rows, ids), next_of(exact, ids)

    entry = {"name": name, "what": case["what"], "family": config["model_type"],
             "config": f"cases/{name}/config.json", "files": dict(files), "text": f"v{model['vocab']}",
             "length": length, "expected": f"cases/{name}/expected.bin"}
    folder = out / "cases" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if index:
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=0) + "\n")
        entry["files"]["model.safetensors.index.json"] = f"cases/{name}/model.safetensors.index.json"

    def distance(other):
        return round((next_of(other, ids) - following).abs().mean().item(), 6)

    for what, foil in case.get("foils", {}).items():
        changed = {k: v for k, v in (config | foil).items() if v != "DROP"}
        far = distance(log_probs(out, files, index, changed, ids)[0])
        entry.setdefault("foils", {})[what] = far
        # 0.02 is about 100 times the tolerance of float32 parity (1e-4 of a log-probability near -8, on every row).
        assert far > 0.02, f"{name}: '{what}' moves the log-probabilities by only {far}"
    for same in [case["same_as"]] if "same_as" in case else []:
        entry["same_as"] = same
        assert (stored[same] - following).abs().max() < 2e-5, f"{name} should equal {same}"
    assert "foils" in entry or "same_as" in entry, f"{name}: no foil"
    stored[name] = following

    positions, probes = positions_for(length), probes_for(model["vocab"])
    chosen = rows[positions]
    two, two_ids = chosen.topk(2, dim=-1)
    following32 = following.numpy().astype("<f4")
    data = b"".join([following32.tobytes(), chosen[:, probes].numpy().astype("<f4").tobytes(),
                     two.numpy().astype("<f4").tobytes(), two_ids.numpy().astype("<i4").tobytes()])
    (folder / "expected.bin").write_bytes(data)
    entry |= {
        "positions": positions, "probe_ids": probes, "next_sha256": hashlib.sha256(following32.tobytes()).hexdigest(),
        "logits_std": round(spread, 3), "min_top_margin": float(f"{(two[:, 0] - two[:, 1]).min().item():.2g}"),
        # What float32 itself costs the reference: max |lp32 - lp64| and the same over max(1, |lp64|), all rows.
        "float32_error": float(f"{(following - following_exact).abs().max().item():.2g}"),
        "float32_relative_error": float(
            f"{((following - following_exact).abs() / following_exact.abs().clamp(min=1)).max().item():.2g}"),
    }
    print(f"{name:32} std {spread:5.2f}  f32 error {entry['float32_relative_error']:.1e}  "
          f"foils {entry.get('foils', 'same as ' + entry.get('same_as', ''))}", flush=True)
    return entry


def write_all(out, only, known=()):
    """All cases, or those of `only` after the manifest's entries `known`, whose files lie in ROOT."""
    (out / "weights").mkdir(parents=True)
    write_weights(out)
    stored = {}
    for entry in known:
        values = np.fromfile(ROOT / entry["expected"], "<f4", entry["length"] - 1)
        stored[entry["name"]] = torch.from_numpy(values).double()
    entries = [*known, *(run_case(name, case | {"root": out}, out, stored) for name, case in CASES.items()
                         if not only or name in only)]
    vocabularies = sorted({m["vocab"] for m in MODELS.values()})
    (out / "ids.json").write_text(
        "{\n" + ",\n".join(f'"v{v}": {json.dumps(text_for(v), separators=(",", ":"))}' for v in vocabularies) + "\n}\n")
    versions = {transformers.__version__}
    if known:
        versions.update(json.loads((ROOT / "manifest.json").read_text())["transformers"].split(" and "))
    head = {"made_by": "scripts/make_parity_data.py", "transformers": " and ".join(sorted(versions)),
            "torch": torch.__version__.split("+")[0], "numpy": np.__version__, "seed": SEED,
            "attention": "eager, float32, CPU"}
    lines = [json.dumps(e, separators=(",", ":")) for e in entries]
    (out / "manifest.json").write_text(
        json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + ",\n".join(lines) + "\n]}\n")
    json.loads((out / "manifest.json").read_text())


def check(made):
    """Weights, configs and ids must be the stored bytes; values may differ by what another BLAS or libm does."""
    bad = []
    for path in sorted(p for p in made.rglob("*") if p.is_file() and p.name != "manifest.json"):
        name = path.relative_to(made)
        if not (ROOT / name).exists():
            bad.append(f"{name}: not stored")
        elif path.name == "expected.bin":
            a, b = (np.frombuffer(p.read_bytes(), "<f4") for p in (path, ROOT / name))
            if a.shape != b.shape or not np.allclose(a[:-128], b[:-128], rtol=3e-5, atol=3e-5):
                bad.append(f"{name}: values moved")
        elif path.read_bytes() != (ROOT / name).read_bytes():
            bad.append(f"{name}: differs")
    print("\n".join(bad) or "tests/data/parity is what this script makes")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is stored, write nothing")
    parser.add_argument("--add", action="store_true", help="compute and store the new cases only")
    parser.add_argument("--only", nargs="*", default=[], help="run these cases only and write nothing")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "parity"
        if args.add:
            known = [e for e in json.loads((ROOT / "manifest.json").read_text())["cases"] if e["name"] in CASES]
            new = [name for name in CASES if name not in {e["name"] for e in known}]
            write_all(made, new or [""], known)
            shutil.copytree(made, ROOT, dirs_exist_ok=True)
            return 0
        write_all(made, args.only)
        if args.check:
            return check(made)
        if not args.only:
            shutil.rmtree(ROOT, ignore_errors=True)
            shutil.copytree(made, ROOT)
            size = sum(p.stat().st_size for p in ROOT.rglob("*") if p.is_file())
            print(f"tests/data/parity: {len(CASES)} cases, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
