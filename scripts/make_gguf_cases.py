#!/usr/bin/env python3
"""Writes tests/data/gguf with the `gguf` package, whose dequantizer is the reference of weights/ggml_blocks.h, and with
transformers, which computes what the models there must give.

    python scripts/make_gguf_cases.py       writes blocks.gguf, llama.gguf, .., models.json anew

blocks.gguf   for every block type T two tensors: T, and T.f32 with the package's values. Q8_0, Q4_0, .. are random numbers
              quantized by the package, after rows of random blocks; the K types it cannot make are random blocks alone.
*.gguf        tiny random models as llama.cpp's converter would write them (rows of q and k permuted for arch llama,
              rope_freqs of Llama 3, norms in F32); models.json has ids and their log-probabilities in float32.

Needs numpy, gguf, torch, transformers; the versions used are noted in models.json.
"""
import json
import pathlib

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import dequantize, quantize

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "gguf"
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where the F16 scales of a block lie, which random bytes would make infinite or NaN.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}
VOCAB = 64


def kind_of(name):
    return gguf.GGMLQuantizationType[name]


def random_blocks(name, rows, columns, rng):
    block, size = gguf.GGML_QUANT_SIZES[kind_of(name)]
    data = rng.integers(0, 256, (rows * columns // block, size), dtype=np.uint8)
    for at in SCALES[name]:
        scales = (rng.standard_normal(len(data)) * 0.01).astype(np.float16)
        scales[:3] = [0.0, -0.0, 6e-8][: len(scales[:3])]  # the smallest F16 among them
        data[:, at:at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return data.reshape(rows, -1)


def write_blocks(rng):
    writer = gguf.GGUFWriter(OUT / "blocks.gguf", "llama")
    for name in TYPES:
        block = gguf.GGML_QUANT_SIZES[kind_of(name)][0]
        columns = 2 * block if block > 32 else 96
        data = random_blocks(name, 3 if block > 32 else 6, columns, rng)
        if not name.endswith("_K"):
            made = quantize(rng.standard_normal((2, columns)).astype(np.float32), kind_of(name))
            data = np.concatenate([data, made])
        writer.add_tensor(name, data, raw_dtype=kind_of(name))
        writer.add_tensor(name + ".f32", dequantize(data, kind_of(name)).astype(np.float32))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


MODELS = {
    # arch, type of the matrices, config, rope_freqs
    "llama": ("llama", "F16", dict(num_hidden_layers=2, rope_parameters={
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32})),
    "mistral": ("llama", "Q8_0", dict(head_dim=16, sliding_window=None)),
    "qwen2": ("qwen2", "BF16", dict(tie_word_embeddings=True)),
    "qwen3": ("qwen3", "Q4_0", dict(head_dim=16, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64})),
    # every sixth layer sees everything, as llama.cpp takes it where the file does not say
    "gemma3": ("gemma3", "Q8_0", dict(num_hidden_layers=6, head_dim=16, sliding_window=20, query_pre_attn_scalar=16,
                                      tie_word_embeddings=True, rope_parameters={
        "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})),
}


def permute(rows, heads):
    """As convert_hf_to_gguf.py does for arch llama: each head's two halves of rows become pairs."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def rope_freqs(head_dim, p):
    freqs = p["rope_theta"] ** -(np.arange(0, head_dim, 2, dtype=np.float32) / head_dim)
    low, high = (p["original_max_position_embeddings"] / p[k] for k in ("low_freq_factor", "high_freq_factor"))
    out = []
    for wave in 2 * np.pi / freqs:
        smooth = (p["original_max_position_embeddings"] / wave - p["low_freq_factor"]) / (
            p["high_freq_factor"] - p["low_freq_factor"])
        out.append(1 if wave < high else p["factor"] if wave > low else 1 / ((1 - smooth) / p["factor"] + smooth))
    return np.array(out, np.float32)


def write_model(name, rng):
    arch, kind, more = MODELS[name]
    config = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
                  num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False,
                  bos_token_id=1, eos_token_id=2) | more
    config.setdefault("rope_parameters", {"rope_type": "default", "rope_theta": 10000.0})
    model_type = {"mistral": "mistral", "gemma3": "gemma3_text"}.get(name, arch)
    gemma = name == "gemma3"
    made = transformers.AutoConfig.for_model(model_type, **config)
    made._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(made).float().eval()
    head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])

    writer = gguf.GGUFWriter(OUT / f"{name}.gguf", arch)
    writer.add_name(f"random {name}")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config["rope_parameters"]
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(head_dim)
    if "head_dim" in config:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    writer.add_vocab_size(VOCAB)
    if gemma:
        writer.add_sliding_window(config["sliding_window"])
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_freqs(head_dim, rope))

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config["num_hidden_layers"])
    state = model.state_dict()
    for key, tensor in sorted(state.items()):
        if key == "lm_head.weight" and config["tie_word_embeddings"]:
            continue
        shape = tuple(tensor.shape)
        std = 0.9 if "embed" in key else 1.3 / shape[-1] ** 0.5 if len(shape) == 2 else 0.2
        values = (rng.standard_normal(shape) * std + ("norm" in key and not gemma)).astype(np.float32)
        matrix = len(shape) == 2
        to = kind_of(kind if matrix else "F32")
        heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}.get(key.split(".")[-2])
        stored = permute(values, heads) if arch == "llama" and heads else values
        if gemma and "norm" in key:  # the converter adds the 1 of Gemma's norms
            stored = stored + np.float32(1)
            values = stored - np.float32(1)
        stored = quantize(stored, to)
        back = dequantize(stored, to) if to not in (gguf.GGMLQuantizationType.F32,) else stored
        if gemma and "norm" in key:
            back = values
        if arch == "llama" and heads:  # undo: halves again
            n = back.shape[0] // heads
            back = back.reshape(heads, n // 2, 2, -1).swapaxes(1, 2).reshape(shape)
        state[key] = torch.from_numpy(np.ascontiguousarray(back.reshape(shape)).astype(np.float32))
        stem, suffix = key.rsplit(".", 1)
        writer.add_tensor(names.get_name(stem) + "." + suffix, stored, raw_dtype=to)
    finish(writer)
    if config["tie_word_embeddings"]:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)
    ids = rng.integers(0, VOCAB, 96).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    logprobs = torch.log_softmax(logits.double(), -1)
    picked = [float(logprobs[i, ids[i + 1]]) for i in range(len(ids) - 1)]
    return {"file": f"{name}.gguf", "ids": ids, "next": [round(x, 6) for x in picked],
            "logits_std": round(float(logits.std()), 3)}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_blocks(np.random.default_rng(1))
    models = [write_model(name, np.random.default_rng([2, i])) for i, name in enumerate(MODELS)]
    versions = {"gguf": __import__("importlib.metadata").metadata.version("gguf"), "numpy": np.__version__,
                "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    (OUT / "models.json").write_text(json.dumps({"versions": versions, "models": models}) + "\n")


if __name__ == "__main__":
    main()
