#!/usr/bin/env python3
"""Writes the seed inputs of safetensors_fuzz, config_json_fuzz, shard_index_fuzz, gguf_fuzz, packed_weight_fuzz, foreign_weights_fuzz
and task_file_fuzz into corpus/ beside this file."""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus"


def write(folder, name, data):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    (HERE / folder / name).write_bytes(data)


def tensors(header, data=b"", pad=0):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * pad
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


SAFETENSORS = {
    "empty": tensors({}),
    "one": tensors({"a": entry("F32", [2, 1], 0, 8)}, bytes(8), pad=5),
    "mixed": tensors({"__metadata__": {"format": "pt"}, "a": entry("BF16", [3], 0, 6), "b": entry("U8", [1], 6, 7),
                      "c": entry("F64", [1], 7, 15), "d": entry("BOOL", [], 15, 16)}, bytes(range(16))),
    "zero_size": tensors({"a": entry("F16", [0, 5], 0, 0), "b": entry("F16", [1], 0, 2), "c": entry("I64", [0], 2, 2)},
                         bytes(2)),
    "narrow": tensors({"a": entry("F4", [4], 0, 2), "b": entry("F6_E2M3", [4], 2, 5), "c": entry("F8_E4M3", [1], 5, 6)},
                      bytes(6)),
    "truncated": tensors({"a": entry("F32", [2], 0, 8)}, bytes(7)),
    "tail": tensors({"a": entry("F32", [1], 0, 4)}, bytes(6)),
    "hole": tensors({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 2, 3)}, bytes(3)),
    "overlap": tensors({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, bytes(3)),
    "huge_offset": tensors({"a": entry("F32", [1], 2**64 - 8, 2**64 - 4)}, bytes(4)),
    "huge_shape": tensors({"a": entry("F32", [2**62, 2**62], 0, 4)}, bytes(4)),
    "backwards": tensors({"a": entry("U8", [1], 1, 0)}, bytes(1)),
    "wrong_dtype": tensors({"a": entry("F31", [1], 0, 4)}, bytes(4)),
    "missing_field": tensors({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    "twice": tensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"shape":[1]}}', bytes(1)),
    "negative": tensors(b'{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', bytes(1)),
    "deep": tensors(b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"),
    "broken": tensors(b'{"a":{"dtype":"U8","sha'),
    "long_header": struct.pack("<Q", 2**63) + b"{}",
    "short": b"\x02\0\0",
}

BASE = {"hidden_size": 96, "intermediate_size": 250, "num_hidden_layers": 4, "num_attention_heads": 6,
        "num_key_value_heads": 2, "vocab_size": 300, "max_position_embeddings": 2048}


def config(model_type, generation=None, **more):
    text = json.dumps({"model_type": model_type, **BASE, **more}).encode()
    return text if generation is None else text + b"\0" + json.dumps(generation).encode()


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 512}
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512, "beta_fast": 32, "beta_slow": 1,
        "mscale": 0.7, "mscale_all_dim": 1.0, "truncate": False}
TYPES = ["full_attention", "sliding_attention"] * 2

CONFIGS = {
    "llama": config("llama", attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5, hidden_act="silu"),
    "llama3": config("llama", rope_scaling=LLAMA3, rope_theta=500000.0, eos_token_id=[1, 2], torch_dtype="bfloat16"),
    "llama_new_style": config("llama", rope_parameters={**LLAMA3, "rope_theta": 500000.0}, dtype="float16"),
    "linear": config("llama", rope_scaling={"type": "linear", "factor": 2.0}, head_dim=20),
    "yarn": config("qwen2", rope_scaling=YARN, rope_theta=1e6, original_max_position_embeddings=1024),
    "yarn_plain": config("qwen3", rope_parameters={"rope_type": "yarn", "factor": None, "attention_factor": 1.2,
                                                   "original_max_position_embeddings": 64}),
    "mistral": config("mistral", sliding_window=64),
    "mistral_null": config("mistral", sliding_window=None, head_dim=None),
    "mistral_types": config("mistral", layer_types=TYPES),
    "qwen2_window": config("qwen2", use_sliding_window=True, sliding_window=32, max_window_layers=2),
    "qwen3_types": config("qwen3", use_sliding_window=True, sliding_window=32, layer_types=TYPES),
    "nested": config("qwen3", use_sliding_window=True, sliding_window=32, layer_types=TYPES,
                     rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e6},
                                      "sliding_attention": {"rope_theta": 10000.0}}),
    "generation": config("llama", {"bos_token_id": 0, "eos_token_id": [3, 4]}, bos_token_id=1, eos_token_id=2),
    "gelu": config("llama", hidden_act="gelu"),
    "packed": config("llama", quantization_config={
        "quant_method": "lacuna", "layout_version": 1, "contract_version": 1, "codec": "bitmap-int4", "group": 128,
        "scales": "f16", "activations": "int8", "activation_group": 128, "pattern": [2, 4],
        "parameters": {"lm_head.weight": {"codec": "int8"}}}),
    "packed_other_version": config("llama", quantization_config={
        "quant_method": "lacuna", "layout_version": 9, "contract_version": 1, "codec": "int8"}),
    "olmo2": config("olmo2", attention_bias=True, rope_theta=500000.0),
    "smollm3": config("smollm3", no_rope_layers=[1, 0, 1, 1], use_sliding_window=True, sliding_window=32),
    "smollm3_interval": config("smollm3", no_rope_layer_interval=3),
    "phi3": config("phi3", sliding_window=64, original_max_position_embeddings=128, rope_scaling={
        "type": "su", "short_factor": [1.0] * 8, "long_factor": [1, 2, 3, 4, 5, 6, 7, 8.5]}),
    "phi3_partial": config("phi3", rope_parameters={
        "rope_type": "longrope", "partial_rotary_factor": 0.75, "short_factor": [1.1] * 6, "long_factor": [9.0] * 6,
        "attention_factor": 1.2, "factor": 4.0}),
    "gemma3": config("gemma3_text", hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=168,
                     sliding_window=32, sliding_window_pattern=2, rope_theta=1e6, rope_local_base_freq=10000.0,
                     rope_scaling={"rope_type": "linear", "factor": 8.0}, attn_logit_softcapping=None),
    "gemma3_types": config("gemma3_text", sliding_window=32, layer_types=TYPES, rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 8.0}, "sliding_attention": {"rope_theta": 10000.0}}),
    "gemma3_whole_norms": config("gemma3_text", norm_plus_one=False),
    "norms": config("llama", norm_plus_one=True),
    "gemma3_softcap": config("gemma3_text", final_logit_softcapping=30.0),
    "olmo3": config("olmo3", sliding_window=32, rope_theta=500000, rope_scaling={
        "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 512, "attention_factor": 1.2}),
    "quantized": config("llama", quantization_config={"quant_method": "gptq", "bits": 4}),
    "unknown_family": config("bert"),
    "wrong_types": config("llama", hidden_size="96", layer_types=3, rope_scaling=[]),
    "deep": b'{"model_type":' + b"[" * 300 + b"]" * 300 + b"}",
    "broken": b'{"model_type": "llama", "hidden_size": 9',
    "not_an_object": b"[1, 2.5e300, null, true, \"\\u00e9\"]",
}


def packed(kind, n, k, streams, bitmap=False, pattern=0, bf16=False, group=0):
    """The streams in the order that packed_weight_fuzz.cc takes them."""
    head = bytes([kind, bitmap | pattern << 1 | bf16 << 3, group, n - 1]) + struct.pack("<H", k - 1)
    return head + b"".join(streams)


BYTES = bytes(range(256)) * 8
E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
PACKED = {
    # Two panels of one tile: mask, offsets, bases, [scales,] values.
    "bitmap_bf16": packed(0, 20, 32, [struct.pack("<32I", *[1] * 16, *[3] * 16), struct.pack("<2I", 0, 0),
                                      struct.pack("<3Q", 0, 64, 128), BYTES[:128]], bitmap=True),
    "bitmap_int8_empty": packed(1, 1, 1, [bytes(128), bytes(4), bytes(16), bytes(64), bytes(64)], bitmap=True),
    "bitmap_int4": packed(2, 1, 64, [struct.pack("<16Q", *[2**40 - 1] * 8, *[2**9 - 1] * 8), bytes(4),
                                     struct.pack("<2Q", 0, 320), bytes(64), bytes(range(16)), BYTES[:320]], bitmap=True),
    "bitmap_int4_short": packed(2, 1, 64, [struct.pack("<16Q", *[2**40 - 1] * 16), bytes(4), struct.pack("<2Q", 0, 256),
                                           bytes(64), bytes(range(16)), BYTES[:320]], bitmap=True),
    "pattern": packed(1, 1, 64, [struct.pack("<16Q", *[0x3333333333333333] * 16), bytes(64), BYTES[:512]], bitmap=True,
                      pattern=1),
    "int8": packed(1, 3, 70, [bytes(64), BYTES], bf16=True),
    "int4z_groups": packed(3, 3, 70, [bytes(128), BYTES[:64], bytes(range(16)), BYTES[:1024]], group=1),
    "nf4": packed(5, 2, 64, [bytes(32), bytes(32), BYTES[:512]], group=2),
    "mxfp4": packed(241, 2, 64, [b"\x00\x20" * 32, bytes(128 + x for x in E2M1), BYTES[:512]]),
    "nvfp4": packed(242, 2, 64, [b"\x38" * 64, b"".join(
        struct.pack("<f", x)[2:] for x in E2M1), BYTES[:512]], bf16=True),
    "razer": packed(252, 2, 64, [b"\x00\x20\x01\xa0" * 16, bytes(128 + x for book in (10, 16) for x in
                                  E2M1[:8] + [book] + E2M1[9:]), BYTES[:512]], group=1),
    "nf4_infinite": packed(5, 2, 64, [bytes(32), b"\x80\x7f" * 16, BYTES[:512]], group=2),
}


def gguf(entries, tensors=(), data=b"", version=3, counts=None):
    """entries: (key, type number, value bytes); tensors: (name, dimensions, type number, offset)."""
    n, m = counts or (len(tensors), len(entries))
    text = b"GGUF" + struct.pack("<IQQ", version, n, m)
    for key, kind, value in entries:
        text += gguf_string(key) + struct.pack("<I", kind) + value
    for name, shape, kind, offset in tensors:
        text += gguf_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return text + (b"\0" * (-len(text) % 32) + data if tensors else b"")


def gguf_string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text)) + text


def gguf_array(kind, values, form=None):
    return struct.pack("<IQ", kind, len(values)) + (
        b"".join(map(gguf_string, values)) if kind == 8 else struct.pack(f"<{len(values)}{form}", *values))


def gguf_u32(value):
    return struct.pack("<I", value)


SCORED = [("tokenizer.ggml.model", 8, gguf_string("llama")),
          ("tokenizer.ggml.tokens", 9, gguf_array(8, ["<unk>", "<s>", "<0x0A>", "a", "b", "ab", "\u2581", "\u2581a"])),
          ("tokenizer.ggml.scores", 9, gguf_array(6, [0, 0, 0, -5, -6, -1, -2, -1], "f")),
          ("tokenizer.ggml.token_type", 9, gguf_array(5, [2, 3, 6, 1, 1, 1, 1, 4], "i")),
          ("tokenizer.ggml.bos_token_id", 4, gguf_u32(1))]
MERGES = [("tokenizer.ggml.model", 8, gguf_string("gpt2")), ("tokenizer.ggml.pre", 8, gguf_string("llama-bpe")),
          ("tokenizer.ggml.tokens", 9, gguf_array(8, ["a", "b", "ab", "\u0120", "<|x|>"])),
          ("tokenizer.ggml.token_type", 9, gguf_array(5, [1, 1, 1, 1, 3], "i")),
          ("tokenizer.ggml.merges", 9, gguf_array(8, ["a b"])), ("tokenizer.ggml.eos_token_id", 4, gguf_u32(4)),
          ("tokenizer.chat_template", 8, gguf_string("{{ messages }}"))]
SETTINGS = [("general.architecture", 8, gguf_string("llama")), ("llama.context_length", 4, gguf_u32(64)),
            ("llama.embedding_length", 4, gguf_u32(32)), ("llama.block_count", 4, gguf_u32(1)),
            ("llama.feed_forward_length", 4, gguf_u32(64)), ("llama.attention.head_count", 4, gguf_u32(4)),
            ("llama.attention.head_count_kv", 9, gguf_array(4, [2], "I")),
            ("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)),
            ("llama.rope.freq_base", 12, struct.pack("<d", 1e4)), ("llama.rope.scaling.type", 8, gguf_string("yarn")),
            ("llama.rope.scaling.factor", 6, struct.pack("<f", 4))]
GEMMA = [(k.replace("llama", "gemma3"), t, gguf_string("gemma3") if k == "general.architecture" else v)
         for k, t, v in SETTINGS[:9]] + [
    ("gemma3.attention.sliding_window", 4, gguf_u32(16)), ("gemma3.rope.freq_base_swa", 6, struct.pack("<f", 1e4)),
    ("gemma3.attention.sliding_window_pattern", 9, gguf_array(7, [True], "?"))]
TENSORS = [("token_embd.weight", [32, 2], 8, 0), ("blk.0.attn_q.weight", [32, 8], 2, 96), ("output_norm.weight", [4], 0, 256)]
GGUFS = {
    "empty": gguf([]),
    "scored": gguf(SCORED),
    "merges": gguf(MERGES, version=2),
    "model": gguf(SETTINGS + SCORED, TENSORS, bytes(300)),
    "gemma": gguf(GEMMA + SCORED, TENSORS, bytes(300)),
    "every_type": gguf([(str(kind), kind, bytes(1 << (kind % 4))) for kind in (0, 1, 7)] + [
        ("2", 2, bytes(2)), ("3", 3, bytes(2)), ("10", 10, bytes(8)), ("11", 11, bytes(8)), ("12", 12, bytes(8))]),
    "rope_freqs": gguf(SETTINGS[:9], [("token_embd.weight", [32, 2], 0, 0), ("rope_freqs.weight", [4], 0, 256)],
                       bytes(256) + struct.pack("<4f", 1, 1, 2, 8)),
    "truncated": gguf(SETTINGS, TENSORS, bytes(100)),
    "huge_count": gguf([], counts=(2**63, 2**62)),
    "huge_array": gguf([("a", 9, struct.pack("<IQ", 8, 2**60))]),
    "array_of_arrays": gguf([("a", 9, struct.pack("<IQ", 9, 1))]),
    "huge_shape": gguf([], [("a", [2**40, 2**40], 0, 0)], bytes(64)),
    "alignment": gguf([("general.alignment", 4, gguf_u32(3))]),
    "old": gguf([], version=1),
}


def index(shards, **more):
    return json.dumps({**more, "weight_map": shards}).encode()


INDEXES = {
    "two_shards": index({"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"},
                        metadata={"total_size": 5}),
    "utf8": index({"w\u00e9": "m\u00f6del.safetensors", "": "x"}),
    "parent": index({"a": "../x.safetensors"}),
    "absolute": index({"a": "/etc/passwd"}),
    "backslash": index({"a": "sub\\x.safetensors"}),
    "nul": index({"a": "x\0y"}),
    "dots": index({"a": "..", "b": ".", "c": ""}),
    "number": index({"a": 3}),
    "nothing": index({}),
    "list": index([1]),
    "absent": b'{"metadata": {}}',
    "twice": b'{"weight_map": {"a": "x", "a": "y"}, "weight_map": {"b": "z"}}',
    "bad_utf8": b'{"weight_map": {"a": "\xff"}}',
    "deep": b'{"weight_map":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
    "broken": b'{"weight_map": {"a": "x',
    "not_an_object": b"[]",
}


def task(**fields):
    return json.dumps({"id": "a-0", "task": "who", "length": 256, "messages": [{"role": "user", "content": "Who?"}],
                       "answer": "Ann", **fields}).encode() + b"\n"


TASKS = {
    "items": task() + b"\n" + task(depth=0.5, length=0),
    "turns": json.dumps({"id": "p", "turns": ["Hello"], "check": {"ends": True}}).encode(),
    "talk": task(messages=[{"role": "system", "content": ""}, {"role": "user", "content": "\u00e4"}]),
    "depth": task(depth=2),
    "no_messages": task(messages=[]),
    "message": task(messages=[{"role": 3}]),
    "answer": task(answer=None),
    "negative": task(length=-1),
    "bad_utf8": b'{"id": "\xff"}',
    "deep": b"[" * 300,
    "broken": task() + task()[:40],
}



def foreign(method, group, **parts):
    """Tensors of "x", each with bytes that repeat; of a matrix of 16 x 64."""
    sizes = {"F16": 2, "BF16": 2, "F32": 4, "I32": 4, "I64": 8, "U8": 1, "I8": 1, "F8_E4M3": 1}
    header, data = {}, b""
    for name, (dtype, shape, fill) in parts.items():
        count = sizes[dtype]
        for size in shape:
            count *= size
        content = (fill * (count // len(fill) + 1))[:count]
        header["x." + name] = entry(dtype, shape, len(data), len(data) + count)
        data += content
    return bytes([method, group // 16]) + tensors(header, data)


CODES = bytes(range(7, 256, 31))
HALF, BF, ONE = b"\x00\x2c", b"\x80\x3d", struct.pack("<f", 1.0)
FOREIGN = {
    "pack": foreign(0, 0, weight_packed=("I32", [16, 8], CODES), weight_scale=("BF16", [16, 2], BF),
                    weight_shape=("I64", [2], struct.pack("<2q", 16, 64))),
    "pack_zeros": foreign(0, 0, weight_packed=("I32", [16, 8], CODES), weight_scale=("F16", [16, 2], HALF),
                          weight_zero_point=("I32", [2, 2], CODES)),
    "pack8": foreign(0, 0, weight_packed=("I32", [16, 16], CODES), weight_scale=("F32", [1], ONE),
                     weight_g_idx=("I32", [64], bytes(4))),
    "int": foreign(0, 0, weight=("I8", [16, 64], CODES), weight_scale=("BF16", [16, 1], BF)),
    "int_zeros": foreign(0, 0, weight=("I8", [16, 64], CODES), weight_scale=("BF16", [16, 1], BF),
                         weight_zero_point=("I8", [16, 1], CODES)),
    "mxfp4": foreign(0, 0, weight_packed=("U8", [16, 32], CODES), weight_scale=("U8", [16, 2], b"\x7a\x81")),
    "nvfp4": foreign(0, 0, weight_packed=("U8", [16, 32], CODES), weight_scale=("F8_E4M3", [16, 4], b"\x38\x01"),
                     weight_global_scale=("F32", [1], ONE)),
    "bitmask": foreign(0, 0, compressed=("BF16", [512], BF), bitmask=("U8", [16, 8], b"\x0f")),
    "bitmask_24": foreign(0, 0, **{"weight.compressed": ("F16", [16, 32], HALF), "weight.bitmask": ("U8", [16, 8], b"\x33")}),
    "gptq": foreign(1 + 8, 32, qweight=("I32", [8, 16], CODES), qzeros=("I32", [2, 2], b"\x66"),
                    scales=("F16", [2, 16], HALF), g_idx=("I32", [64], struct.pack("<2i", 0, 1))),
    "gptq8": foreign(1 + 4, 0, qweight=("I32", [16, 16], CODES), qzeros=("I32", [1, 4], b"\x80"),
                     scales=("F16", [1, 16], HALF)),
    "awq": foreign(2, 32, qweight=("I32", [64, 2], CODES), qzeros=("I32", [2, 2], CODES), scales=("F16", [2, 16], HALF)),
}

for file_name, content in FOREIGN.items():
    write("foreign_weights", file_name, content)
for file_name, content in TASKS.items():
    write("task_file", file_name, content)
for file_name, content in INDEXES.items():
    write("shard_index", file_name, content)
for file_name, content in SAFETENSORS.items():
    write("safetensors", file_name, content)
for file_name, content in CONFIGS.items():
    write("config_json", file_name, content)
for file_name, content in PACKED.items():
    write("packed_weight", file_name, content)
for file_name, content in GGUFS.items():
    write("gguf", file_name, content)
