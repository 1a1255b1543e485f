#!/usr/bin/env python3
"""Writes TinyLlama 1.1 B's shape with random weights as a stateful OpenVINO model, the way a user would get it from
transformers: exported by optimum-intel, its weights compressed by nncf. What it computes does not change its speed.

    make_openvino.py OUTPUT --type int4|int8|int8-sparse   (scripts/peers/setup.sh makes the interpreter it needs)

int4: symmetric, groups of 128, lm_head and embedding too, as ours. int8: symmetric, a scale a channel. int8-sparse: int8
weights of which half are zero (--density) and int8 activations, what the plugin's sparse decompression asks for.
"""

import argparse
import os
import pathlib
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import nncf
import numpy as np
import openvino
import torch
from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig
from transformers import LlamaConfig, LlamaForCausalLM

SHAPE = dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4,
             vocab_size=32000, max_position_embeddings=2048, rms_norm_eps=1e-5, rope_theta=10000.0)
CALIBRATION_ROWS = 4


def random_model(density):
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=False)).to(torch.bfloat16)
    if density < 1:
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 2:
                    parameter[torch.rand(parameter.shape) >= density] = 0
    return model


def calibration(model):
    """Inputs of the first passes over some random ids."""
    rng = np.random.default_rng(1)
    names = {name for port in model.inputs for name in port.get_names()}
    for _ in range(CALIBRATION_ROWS):
        ids = rng.integers(3, SHAPE["vocab_size"], (1, 64))
        every = {"input_ids": ids, "attention_mask": np.ones_like(ids), "position_ids": np.arange(64)[None],
                 "beam_idx": np.zeros(1, np.int32)}
        yield {name: value for name, value in every.items() if name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--type", required=True, choices=["int4", "int8", "int8-sparse"])
    parser.add_argument("--density", type=float, default=0.5, help="of int8-sparse")
    args = parser.parse_args()

    weights = {"int4": OVWeightQuantizationConfig(bits=4, sym=True, group_size=128, ratio=1.0, all_layers=True),
               "int8": OVWeightQuantizationConfig(bits=8, sym=True), "int8-sparse": None}[args.type]
    with tempfile.TemporaryDirectory(dir=args.output.parent) as source:
        random_model(args.density if args.type == "int8-sparse" else 1).save_pretrained(source)
        model = OVModelForCausalLM.from_pretrained(source, export=True, compile=False, quantization_config=weights,
                                                   load_in_8bit=False if weights is None else None)
        model.save_pretrained(args.output)
    if args.type == "int8-sparse":
        del model
        core = openvino.Core()
        full = core.read_model(args.output / "openvino_model.xml")
        full = nncf.quantize(full, nncf.Dataset(list(calibration(full))), model_type=nncf.ModelType.TRANSFORMER,
                             preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=CALIBRATION_ROWS)
        openvino.save_model(full, args.output / "quantized.xml", compress_to_fp16=False)
        del full
        for suffix in ("xml", "bin"):
            os.replace(args.output / ("quantized." + suffix), args.output / ("openvino_model." + suffix))
    return 0


if __name__ == "__main__":
    sys.exit(main())
