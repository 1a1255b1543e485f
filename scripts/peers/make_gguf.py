#!/usr/bin/env python3
"""Writes a GGUF file of TinyLlama 1.1 B's shape with random weights, for the llama-bench of llama.cpp and ik_llama.cpp:
what it computes does not change its speed. No vocabulary is written; llama-bench takes random ids.

    make_gguf.py OUTPUT.gguf --type BF16|Q8_0|Q4_0|Q4_K_S    (numpy and gguf, which scripts/peers/setup.sh installs)

As llama-quantize does, norms stay F32, and Q4_K_S has Q6_K for the output, Q5_K for the first four attn_v and the first
eighth of ffn_down. The other types hold for every matrix, as with llama-quantize --pure: fewer bytes than its Q4_0 with an
output in Q6_K, and the same as ours with lm_head in the codec. K types, which the package cannot make, are random blocks
with small scales.
"""

import argparse
import sys

import gguf
import numpy as np

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 2048, 5632, 22, 32, 4, 64, 32000


def tensors():
    yield "token_embd.weight", (VOCAB, HIDDEN)
    for i in range(LAYERS):
        block = "blk.%d." % i
        yield block + "attn_norm.weight", (HIDDEN,)
        yield block + "attn_q.weight", (HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_k.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_v.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield block + "attn_output.weight", (HIDDEN, HEADS * HEAD_DIM)
        yield block + "ffn_norm.weight", (HIDDEN,)
        yield block + "ffn_gate.weight", (INTERMEDIATE, HIDDEN)
        yield block + "ffn_up.weight", (INTERMEDIATE, HIDDEN)
        yield block + "ffn_down.weight", (HIDDEN, INTERMEDIATE)
    yield "output_norm.weight", (HIDDEN,)
    yield "output.weight", (VOCAB, HIDDEN)


# Bytes of a block of 256 weights, and where its f16 scales lie: d and dmin before the 6-bit scales, or d at the end.
K_BLOCKS = {"Q4_K": (144, {0: 1e-4, 2: 1e-3}), "Q5_K": (176, {0: 1e-4, 2: 1e-3}), "Q6_K": (210, {208: 1e-5})}


def random_k_blocks(shape, kind, rng):
    size, scales = K_BLOCKS[kind]
    data = rng.integers(0, 256, (shape[0] * shape[1] // 256, size), dtype=np.uint8)
    for offset, value in scales.items():
        data[:, offset:offset + 2] = np.frombuffer(np.float16(value).tobytes(), np.uint8)
    return data.reshape(shape[0], -1)


def type_of(name, file_type):
    """The type of a matrix in a file of a type, as llama-quantize chooses it."""
    if file_type != "Q4_K_S":
        return file_type
    if name == "output.weight":
        return "Q6_K"
    first = {"attn_v": 4, "ffn_down": LAYERS // 8}
    _, layer, what = (name.split(".") + ["", ""])[:3]
    return "Q5_K" if what in first and int(layer) < first[what] else "Q4_K"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--type", default="BF16", choices=["BF16", "Q8_0", "Q4_0", "Q4_K_S"])
    args = parser.parse_args()
    file_type = {"BF16": gguf.LlamaFileType.MOSTLY_BF16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
                 "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0, "Q4_K_S": gguf.LlamaFileType.MOSTLY_Q4_K_S}[args.type]

    writer = gguf.GGUFWriter(args.output, "llama")
    writer.add_name("random tinyllama-1.1b")
    writer.add_file_type(file_type)
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("no_vocab")

    rng = np.random.default_rng(1)
    made = {}  # by shape and type: layers share values, which lie in the file once each all the same
    for name, shape in tensors():
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
            continue
        kind = type_of(name, args.type)
        if (shape, kind) not in made and kind in K_BLOCKS:
            made[shape, kind] = random_k_blocks(shape, kind, rng)
        elif (shape, kind) not in made:
            values = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
            made[shape, kind] = gguf.quants.quantize(values, gguf.GGMLQuantizationType[kind])
        writer.add_tensor(name, made[shape, kind], raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
