#!/usr/bin/env python3
"""Holds `lacuna export` against the compressed-tensors package and transformers, both ways, on tiny random models.

    python scripts/check_export.py [--lacuna build/release/lacuna]

ours to theirs   packed and exported in every codec that has a layout there: the package's decompressors give exactly the
                 values that the packed streams hold (read here from kernels/README.md's layouts), and transformers loads the
                 directory and computes what `lacuna score --numerics f32` of it does; by default the packed and the exported
                 model have the same log-probabilities, to the bit
theirs to ours   the package compresses the same weights; `lacuna pack` of its directory holds exactly its values

Prints versions and one line a case; exit status 1 if any of them differs. Needs torch, transformers, safetensors,
compressed-tensors, numpy.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import compressed_tensors
import numpy as np
import torch
import transformers
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.lifecycle.helpers import disable_quantization
from safetensors.torch import load_file, save_file

CONFIG = dict(model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=64, intermediate_size=192,
              num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16, vocab_size=600,
              max_position_embeddings=128, bos_token_id=1, eos_token_id=2, rms_norm_eps=1e-5, hidden_act="silu",
              rope_theta=10000.0, dtype="float32")
IDS = [1] + [i * 37 % 599 for i in range(1, 40)]
DENSE = "--keep embed_tokens=bf16,lm_head=bf16"
OURS = ["int8", "int8 --group 32", "bitmap-int8", "int8 --activations bf16", "int4 --group 32", "int4 --group 0",
        "bitmap-int4 --group 64", "int4z --group 32", "bitmap-int4z --group 0", "mxfp4", "bitmap-mxfp4", "nvfp4", "bf16",
        "bitmap-bf16", "int4 --group 32 --keep down_proj=int8,embed_tokens=bf16,lm_head=bf16"]
# nvfp4's global scale is a power of two here: with others `lacuna` reads its values as bf16.
THEIRS = [("int-quantized", dict(num_bits=8, strategy="channel")),
          ("pack-quantized", dict(num_bits=8, strategy="group", group_size=32)),
          ("pack-quantized", dict(num_bits=4, strategy="group", group_size=32)),
          ("pack-quantized", dict(num_bits=4, strategy="group", group_size=64, symmetric=False)),
          ("pack-quantized", dict(num_bits=4, strategy="channel")),
          ("mxfp4-pack-quantized", dict(num_bits=4, type="float", strategy="group", group_size=32)),
          ("nvfp4-pack-quantized", dict(num_bits=4, type="float", strategy="tensor_group", group_size=16))]
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])


def run(lacuna, *arguments):
    done = subprocess.run([lacuna, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"lacuna {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def as_float(bf16):
    return float(np.array([bf16 << 16], "<u4").view("<f4")[0])


def streams(tensors, name, n, k, codec):
    """The values of a packed parameter, float64 [n, k], from its streams."""
    def get(stream, dtype):
        data = tensors.get(f"{name}.lacuna.{stream}")
        return None if data is None else data.numpy().tobytes()[:len(data) // np.dtype(dtype).itemsize
                                                               * np.dtype(dtype).itemsize]
    kind = codec["codec"].removeprefix("bitmap-")
    per_row = 2 if kind == "bf16" else 4
    tiles = -(-k // (16 * per_row))
    panels, padded = -(-n // 16), tiles * 16 * per_row
    group = codec.get("group") or padded
    groups = -(-padded // group)
    values = np.frombuffer(get("values", "u1"), "u1")
    mask = get("mask", "u1")
    if mask is not None:
        word = "<u4" if kind == "bf16" else "<u8"
        mask = np.frombuffer(mask, word)
    bases = np.frombuffer(get("bases", "<u8"), "<u8") if mask is not None else None
    offsets = np.frombuffer(get("offsets", "<u4"), "<u4") if mask is not None else None
    book = get("codebook", "u1")
    scale, zero = np.ones((panels * 16, groups)), np.zeros((panels * 16, groups))
    if kind != "bf16":
        form = {"f16": "<f2", "f32": "<f4", "e4m3": "u1"}[codec["scales"]]
        raw = get("scales", form)
        if form == "u1":
            raw = torch.frombuffer(bytearray(raw), dtype=torch.float8_e4m3fn).double().numpy()
        else:
            raw = np.frombuffer(raw, form).astype(float)
        scale = raw[:panels * groups * 16].reshape(panels, groups, 16).transpose(0, 2, 1).reshape(-1, groups)
        zero[:] = 8 if kind == "int4" else 0 if kind == "nvfp4" else 128
        if kind == "int4z":
            raw = np.frombuffer(get("zeros", "u1"), "u1")[:panels * groups * 16].astype(float)
            zero = raw.reshape(panels, groups, 16).transpose(0, 2, 1).reshape(-1, groups)
    tile_bytes = 512 if book is not None else 1024
    panel_bytes = -(-tile_bytes * tiles // 64) * 64
    out = np.zeros((panels * 16, padded))
    for p in range(panels):
        for t in range(tiles):
            index = p * tiles + t
            at = p * panel_bytes + t * tile_bytes if mask is None else int(bases[p]) + int(offsets[index])
            halves = [at, at]
            for row in range(16):
                for j in range(16 * per_row):
                    if mask is not None and not int(mask[index * 16 + row]) >> j & 1:
                        continue
                    c, col = p * 16 + j // per_row, (t * 16 + row) * per_row + j % per_row
                    g = col // group
                    if kind == "bf16":
                        bits = int(values[at]) | int(values[at + 1]) << 8
                        out[c, col] = as_float(bits)
                        at += 2
                    elif book is None:
                        out[c, col] = (float(values[at]) - zero[c, g]) * scale[c, g]
                        at += 1
                    else:
                        byte = int(values[halves[row // 8]])
                        halves[row // 8] += 1
                        code = byte & 15 if row < 8 else byte >> 4
                        if kind == "nvfp4":
                            entry = as_float(book[2 * code] | book[2 * code + 1] << 8)
                        else:
                            entry = float(book[code])
                        out[c, col] = (entry - zero[c, g]) * scale[c, g]
    return out[:n, :k]


def packed_values(folder):
    """name -> values of every matrix of a packed directory whose columns are in their own order."""
    config = json.loads((folder / "config.json").read_text())
    quantization = config["quantization_config"]
    tensors = load_file(folder / "model.safetensors")
    h, mid, heads, kv = (config[x] for x in ("hidden_size", "intermediate_size", "num_attention_heads",
                                             "num_key_value_heads"))
    shape = {"q_proj": (h, h), "k_proj": (h // heads * kv, h), "v_proj": (h // heads * kv, h), "o_proj": (h, h),
             "gate_proj": (mid, h), "up_proj": (mid, h), "down_proj": (h, mid), "embed_tokens": (config["vocab_size"], h),
             "lm_head": (config["vocab_size"], h)}
    out = {}
    for key in tensors:
        if key.endswith(".lacuna.values"):
            name = key.removesuffix(".lacuna.values")
            codec = quantization["parameters"].get(name, quantization) if "parameters" in quantization else quantization
            out[name] = streams(tensors, name, *shape[name.split(".")[-2]], codec)
    return out


def decompressed(folder):
    """name -> values of every matrix of a compressed-tensors directory, by the package, float64."""
    config = json.loads((folder / "config.json").read_text()).get("quantization_config")
    tensors = load_file(folder / "model.safetensors")
    modules = sorted({key.rsplit(".", 1)[0] for key in tensors if ".weight" in key and "norm" not in key})
    out = {}
    for module in modules:
        state = {key.removeprefix(module + "."): t for key, t in tensors.items() if key.startswith(module + ".")}
        if set(state) == {"weight"} and state["weight"].is_floating_point():
            out[module + ".weight"] = state["weight"].double().numpy()
            continue
        groups = list(config["config_groups"].values())
        named = [g for g in groups if module in g["targets"]] or [g for g in groups if "Linear" in g["targets"]]
        form = named[0]["format"]
        scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**named[0]["weights"]), format=form)
        # Its products in float64: it multiplies in the type of the scales.
        for key in ("weight_scale", "weight_global_scale"):
            if key in state and state[key].dtype in (torch.float16, torch.bfloat16, torch.float32):
                state[key] = state[key].double()
        if "fp4" in form:
            codes = torch.stack([state["weight_packed"] & 15, state["weight_packed"] >> 4], -1).flatten(-2).long().numpy()
            scale = state["weight_scale"]
            scale = 2.0 ** (scale.double() - 127) if scale.dtype == torch.uint8 else \
                scale.double() / state["weight_global_scale"]
            exact = E2M1[codes] * np.repeat(scale.numpy(), codes.shape[1] // scale.shape[1], 1)
            original = {k: t for k, t in tensors.items() if k.startswith(module + ".")}
            state = {key.removeprefix(module + "."): t for key, t in original.items()}
            value = BaseCompressor.load_from_registry(form).decompress(state, scheme)["weight"].double().numpy()
            assert (np.abs(exact - value) <= np.abs(exact) / 128).all(), module  # it rounds products to bf16
            out[module + ".weight"] = exact
            continue
        out[module + ".weight"] = BaseCompressor.load_from_registry(form).decompress(state, scheme)["weight"].double().numpy()
    return out


def same(ours, theirs):
    """Largest difference over the largest value; names must agree."""
    if set(ours) != set(theirs):
        sys.exit(f"other matrices: {set(ours) ^ set(theirs)}")
    return max(float(np.abs(ours[name] - theirs[name]).max() / np.abs(theirs[name]).max()) for name in ours)


def transformers_logprobs(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.apply(disable_quantization)  # of W8A8's activations: --numerics f32 does not round them either
    with torch.no_grad():
        try:
            model(torch.tensor([IDS]))  # decompresses all layers, E2M1 to bf16 (exact here), which do not multiply float32
        except RuntimeError:
            pass
        for parameter in model.parameters():
            parameter.data = parameter.data.float()
        logits = model(torch.tensor([IDS])).logits[0].double()
    return torch.log_softmax(logits, -1)[range(len(IDS) - 1), IDS[1:]].numpy()


def loads(folder):
    try:
        transformers_logprobs(folder)
        return True
    except RuntimeError:
        return False


def our_logprobs(lacuna, folder, *flags):
    out = json.loads(run(lacuna, "score", "-m", folder, "--ids", ",".join(map(str, IDS)), "--json", *flags))
    return np.array(out["logprobs"][1:])


def with_package(source, form, args, to):
    """The model `source` with its layers compressed by the package."""
    args = dict(dict(type="int", symmetric=True), **args)
    tensors, out = load_file(source / "model.safetensors"), {}
    for name, w in tensors.items():
        if "_proj" not in name:
            out[name] = w
            continue
        w = w.float()
        group = w.reshape(w.shape[0], -1, args.get("group_size") or w.shape[1])
        top = group.abs().amax(-1)
        state = {"weight": w}
        if form == "mxfp4-pack-quantized":
            state["weight_scale"] = 2.0 ** torch.floor(torch.log2(top / 6))
        elif form == "nvfp4-pack-quantized":
            state["weight_global_scale"] = 2.0 ** torch.floor(torch.log2(448 * 6 / w.abs().max())).reshape(1)
            state["weight_scale"] = (state["weight_global_scale"] * top / 6).to(torch.float8_e4m3fn).float()
        elif args["symmetric"]:
            state["weight_scale"] = top / (2 ** (args["num_bits"] - 1) - 0.5)
        else:
            low, high = group.amin(-1).clamp(max=0), group.amax(-1).clamp(min=0)
            state["weight_scale"] = (high - low) / (2 ** args["num_bits"] - 1)
            zero = (-low / state["weight_scale"]).round() - 2 ** (args["num_bits"] - 1)
            state["weight_zero_point"] = zero.to(torch.int8)
        scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**args), format=form)
        packed = BaseCompressor.load_from_registry(form).compress(state, scheme)
        stem = name.removesuffix("weight")
        for key, t in packed.items():
            out[stem + (key if key.startswith("weight") else "weight_" + key)] = t.contiguous()
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed", "ignore": ["lm_head"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": args, "input_activations": None, "format": form}}}
    to.mkdir()
    (to / "config.json").write_text(json.dumps(config))
    save_file(out, to / "model.safetensors", {"format": "pt"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lacuna", default="build/release/lacuna")
    lacuna = parser.parse_args().lacuna
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(f"compressed-tensors {compressed_tensors.__version__}, transformers {transformers.__version__}, "
          f"torch {torch.__version__}")
    torch.manual_seed(0)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "shape.json").write_text(json.dumps(dict(CONFIG, tie_word_embeddings=False)))
        model = root / "model"
        run(lacuna, "synth", "--config", root / "shape.json", "-o", model, "--seed", 3)
        for i, (form, args) in enumerate(THEIRS):
            with_package(model, form, args, root / f"theirs{i}")
        for i, flags in enumerate(OURS):
            packed, exported = root / f"packed{i}", root / f"exported{i}"
            keep = [] if "--keep" in flags else DENSE.split()
            run(lacuna, "pack", "-m", model, "-o", packed, "--codec", *flags.split(), *keep)
            run(lacuna, "export", "-m", packed, "-o", exported)
            difference = same(packed_values(packed), decompressed(exported))
            distance, note = 0.0, ""
            try:
                theirs = transformers_logprobs(exported)
                distance = float(np.abs(our_logprobs(lacuna, exported, "--numerics", "f32") - theirs).max())
            except RuntimeError:
                # Packed zero points: these versions do not load what the package itself writes either.
                if "int4z" not in flags or loads(root / "theirs3"):
                    raise
                note = ", not loaded by this transformers, as the package's own are not"
            # A directory says nothing of bf16 activations.
            again = "activations" in flags or (our_logprobs(lacuna, packed) == our_logprobs(lacuna, exported)).all()
            good = difference <= 2e-7 and distance <= 1e-3 and again
            failed += not good
            print(f"{'ok  ' if good else 'MISS'} ours to theirs  {flags:42} values {difference:.1e}  "
                  f"log-probabilities {distance:.1e}{note}")
        for i, (form, args) in enumerate(THEIRS):
            source, packed = root / f"theirs{i}", root / f"theirs-packed{i}"
            run(lacuna, "pack", "-m", source, "-o", packed)
            difference = same(packed_values(packed), decompressed(source))
            good = difference <= 2e-7
            failed += not good
            print(f"{'ok  ' if good else 'MISS'} theirs to ours  {form} {args}: values {difference:.1e}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
