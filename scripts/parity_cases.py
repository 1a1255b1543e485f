"""The tables behind make_parity_data.py: MODELS (sizes and weight files) and CASES (configs over those weights).

A file of MODELS takes the tensors whose name contains one of its words and that no earlier file took. A case uses all
files of its model unless it lists some. `foils` are config changes that must move the result ("DROP" removes a key).
"""

ALL = [""]
ARCHITECTURES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "olmo2": "Olmo2",
                 "olmo3": "Olmo3", "smollm3": "SmolLM3", "phi3": "Phi3", "gemma3_text": "Gemma3"}


def sizes(hidden, ffn, heads, kv_heads, head_dim, layers, vocab, tied, files, biases=(), qk_norm=False, **more):
    return {"hidden": hidden, "ffn": ffn, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
            "layers": layers, "vocab": vocab, "tied": tied, "files": files, "biases": biases, "qk_norm": qk_norm,
            **more}


MODELS = {
    # Most cases share these weights: biases and norms lie in files of their own, so a case takes what its family has.
    "main": sizes(96, 250, 6, 2, 24, 2, 307, False, {
        "main_bias_qkv": ("BF16", ["q_proj.bias", "k_proj.bias", "v_proj.bias"]),
        "main_bias_o": ("BF16", ["o_proj.bias"]),
        "main_bias_mlp": ("BF16", ["mlp.gate_proj.bias", "mlp.up_proj.bias", "mlp.down_proj.bias"]),
        "main_qk_norm": ("BF16", ["q_norm", "k_norm"]),
        "main_head": ("BF16", ["lm_head"]),
        "main": ("BF16", ALL),
    }, biases=("q", "k", "v", "o", "gate", "up", "down"), qk_norm=True),
    "f32": sizes(60, 110, 3, 1, 20, 2, 259, True, {"f32": ("F32", ALL)}),
    "f16": sizes(52, 90, 4, 1, 40, 2, 259, True, {"f16": ("F16", ALL)}),
    "mixed": sizes(68, 101, 2, 2, 18, 3, 269, False, {
        "mixed_1": ("F32", ["norm", "inv_freq", "layers.0.self_attn"]),
        "mixed_2": ("F16", ["layers.0", "layers.1"]),
        "mixed_3": ("BF16", ALL),
    }, inv_freq=True),
    "mha8": sizes(48, 50, 16, 8, 6, 2, 259, True, {"mha8": ("BF16", ALL)}),
    "kv32": sizes(64, 60, 64, 32, 4, 1, 131, True, {"kv32": ("BF16", ALL)}, biases=("q", "k", "v")),
    # Norms after each branch, and over all of q and k.
    "olmo": sizes(32, 45, 4, 2, 8, 4, 131, False, {"olmo": ("BF16", ALL)}, qk_norm="all",
                  norms={"post_attention_layernorm": 1.0, "post_feedforward_layernorm": 1.0}),
    "phi": sizes(48, 70, 3, 1, 16, 2, 131, False, {"phi": ("BF16", ALL)}, fused=True),
    # Sandwich norms, stored without their 1; tall ones after the branches, as the embedding is scaled up.
    "gemma": sizes(44, 70, 2, 1, 20, 3, 131, True, {"gemma": ("BF16", ALL)}, qk_norm=True, plus_one=True,
                   norms={"input_layernorm": 1.0, "post_attention_layernorm": 3.0, "pre_feedforward_layernorm": 1.0,
                          "post_feedforward_layernorm": 3.0}),
    "wide": sizes(40, 70, 2, 1, 128, 2, 259, True, {"wide": ("BF16", ALL)}, qk_norm=True),
}

PLAIN = ["main", "main_head"]
QWEN2 = ["main", "main_bias_qkv", "main_head"]
QWEN3 = ["main", "main_qk_norm", "main_head"]
BIASES = ["main", "main_bias_qkv", "main_bias_o", "main_bias_mlp", "main_head"]


def new_rope(theta=10000.0, kind="default", **more):
    return {"rope_parameters": {"rope_theta": theta, "rope_type": kind, **more}}


def old_rope(theta=10000.0, scaling=None):
    return {"rope_theta": theta, "rope_scaling": scaling}


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}
NO_SCALING = {"no rope scaling": {"rope_scaling": None, **new_rope()}}
OTHER_THETA = {"theta 20000": {"rope_theta": "DROP", "rope_scaling": "DROP", **new_rope(20000.0)}}
WINDOW = {"sliding_window": 200, "use_sliding_window": True}


def case(what, model="main", files=None, **more):
    made = {"what": what, "model": model, "config": {}, **more}
    if model == "main":
        made["files"] = files or PLAIN
    return made


NO_PAD = {"pad_token_id": None}
FACTORS = {"short_factor": [1.0, 1.1, 1.2, 1.4, 1.7, 2.0], "long_factor": [1.0, 1.5, 3.0, 7.0, 14.0, 20.0]}
FACTORS8 = {"short_factor": [1.0, 1.05, 1.1, 1.2, 1.4, 1.5, 1.8, 2.0],
            "long_factor": [1.0, 1.3, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0]}
YARN_OLMO = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64, "attention_factor": 1.2,
             "beta_fast": 32.0, "beta_slow": 1.0}
GEMMA = {"hidden_activation": "gelu_pytorch_tanh", "attention_bias": False, "final_logit_softcapping": None,
         "attn_logit_softcapping": None, **NO_PAD}

CASES = {
    # rope
    "llama_default": case("transformers 5 style, rope default, explicit head_dim, untied", config=new_rope(),
                          foils=OTHER_THETA),
    "llama_old_default": case("old style: rope_theta, rope_scaling null, torch_dtype", style="old", config=old_rope(),
                              same_as="llama_default"),
    "llama_no_rope_keys": case("neither rope_theta nor rope_parameters: theta 10000", style="old",
                               same_as="llama_default"),
    "llama_theta": case("old style, rope_theta 500000", style="old", config=old_rope(500000.0),
                        foils={"theta 10000": {"rope_theta": 10000.0}}),
    "llama_linear_old": case("rope_scaling type linear, factor 4", style="old",
                             config=old_rope(scaling={"type": "linear", "factor": 4.0}), foils=NO_SCALING),
    "llama_linear": case("rope_parameters linear, factor 2.5, theta 20000",
                         config=new_rope(20000.0, "linear", factor=2.5),
                         foils={"factor 1": new_rope(20000.0), "theta 10000": new_rope(10000.0, "linear", factor=2.5)}),
    "llama_llama3_old": case("rope_scaling rope_type llama3", style="old",
                             config=old_rope(10000.0, {"rope_type": "llama3", **LLAMA3}), foils=NO_SCALING),
    "llama_llama3": case("rope_parameters llama3, other factors, theta 500000", config=new_rope(
        500000.0, "llama3", **LLAMA3 | {"factor": 32.0, "low_freq_factor": 2.0, "high_freq_factor": 8.0,
                                       "original_max_position_embeddings": 1024}),
        foils={"no rope scaling": new_rope(500000.0),
               "linear": new_rope(500000.0, "linear", factor=32.0)}),
    "llama_yarn_old": case("rope_scaling type yarn, defaults of beta and attention factor", style="old",
                           config=old_rope(scaling={"type": "yarn", "factor": 4.0,
                                                    "original_max_position_embeddings": 512}), foils=NO_SCALING),
    "llama_yarn": case("rope_parameters yarn with beta_fast, beta_slow, attention_factor",
                       config=new_rope(10000.0, "yarn", factor=8.0, original_max_position_embeddings=256,
                                       beta_fast=16.0, beta_slow=2.0, attention_factor=1.1),
                       foils={"default betas": new_rope(10000.0, "yarn", factor=8.0, attention_factor=1.1,
                                                        original_max_position_embeddings=256),
                              "default attention factor": new_rope(10000.0, "yarn", factor=8.0, beta_fast=16.0,
                                                                   beta_slow=2.0,
                                                                   original_max_position_embeddings=256)}),
    "llama_yarn_mscale": case("yarn with mscale, mscale_all_dim and truncate false",
                              config=new_rope(10000.0, "yarn", factor=16.0, original_max_position_embeddings=256,
                                              mscale=1.0, mscale_all_dim=0.5, truncate=False),
                              foils={"mscale ignored": new_rope(10000.0, "yarn", factor=16.0, truncate=False,
                                                                original_max_position_embeddings=256),
                                     "truncated": new_rope(10000.0, "yarn", factor=16.0, mscale=1.0,
                                                           mscale_all_dim=0.5,
                                                           original_max_position_embeddings=256)}),
    "llama_yarn_top_original": case("a top-level original_max_position_embeddings wins over the one inside",
                                    config={"original_max_position_embeddings": 512,
                                            **new_rope(10000.0, "yarn", factor=4.0,
                                                       original_max_position_embeddings=64)},
                                    same_as="llama_yarn_old"),
    "llama_yarn_no_original": case("yarn without original_max_position_embeddings: max_position_embeddings stands in",
                                   config={"max_position_embeddings": 2048, **new_rope(10000.0, "yarn", factor=4.0)},
                                   foils={"512": new_rope(10000.0, "yarn", factor=4.0,
                                                          original_max_position_embeddings=512)}),
    "llama_scaling_wins": case("rope_scaling wins over rope_parameters; theta inside wins over the top level",
                               config={"rope_theta": 777.0, **new_rope(),
                                       "rope_scaling": {"rope_type": "linear", "factor": 2.5, "rope_theta": 20000.0}},
                               same_as="llama_linear"),
    # tying, biases, sizes, storage
    "llama_tied_with_head": case("tie_word_embeddings true, but a different lm_head is stored: it is used",
                                 config={"tie_word_embeddings": True, **new_rope()}, same_as="llama_default"),
    "llama_biases": case("attention_bias and mlp_bias, four shards and more", files=BIASES,
                         config={"attention_bias": True, "mlp_bias": True, **new_rope()},
                         foils={"no mlp_bias": {"mlp_bias": False}, "no attention_bias": {"attention_bias": False}}),
    "llama_attention_bias": case("attention_bias: o_proj has one too", files=BIASES[:3] + BIASES[-1:],
                                 config={"attention_bias": True, "mlp_bias": False, **new_rope()},
                                 foils={"no bias": {"attention_bias": False}, "o_proj without bias": {
                                     "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}}),
    "llama_f32": case("F32, tied, no head_dim (hidden / heads = 20), one KV head", model="f32", drop=["head_dim"],
                      config=new_rope(), foils=OTHER_THETA | {"eps": {"rms_norm_eps": 0.05}}),
    "llama_f16": case("F16, tied, head_dim 40 with hidden / heads 13, old style", model="f16", style="old",
                      config=old_rope(), foils=OTHER_THETA),
    "llama_mixed_shards": case("shards of F32, F16 and BF16, three layers, no num_key_value_heads, stored inv_freq",
                               model="mixed", style="old", drop=["num_key_value_heads"], config=old_rope(),
                               foils=OTHER_THETA),
    # windows
    "mistral_window": case("Mistral, window of 200 tokens", family="mistral",
                           config={"sliding_window": 200, **new_rope()},
                           foils={"no window": {"sliding_window": None}, "off by one": {"sliding_window": 201}}),
    "mistral_window_64": case("Mistral, old style, a window that is one block of 64", family="mistral", style="old",
                              config={"sliding_window": 64, **old_rope()},
                              foils={"no window": {"sliding_window": None}, "off by one": {"sliding_window": 63}}),
    "mistral_null_window": case("Mistral, sliding_window null", family="mistral",
                                config={"sliding_window": None, **new_rope()}, same_as="llama_default"),
    "mistral_absent_window": case("Mistral without sliding_window (4096: longer than the text), old style",
                                  family="mistral", style="old", config=old_rope(), same_as="llama_default"),
    "mistral_layer_types": case("Mistral obeys layer_types", family="mistral",
                                config={"sliding_window": 200, **new_rope(),
                                        "layer_types": ["full_attention", "sliding_attention"]},
                                foils={"all slide": {"layer_types": ["sliding_attention"] * 2},
                                       "none slides": {"layer_types": ["full_attention"] * 2}}),
    "mistral_kv8": case("Mistral without num_key_value_heads: 8", family="mistral", model="mha8", length=300,
                        style="old", drop=["num_key_value_heads"], config={"sliding_window": 100, **old_rope()},
                        foils=OTHER_THETA | {"no window": {"sliding_window": None}}),
    # Qwen
    "qwen2": case("Qwen2: q/k/v biases without a flag; sliding_window ignored without use_sliding_window",
                  family="qwen2", files=QWEN2, style="old", config={
                      "sliding_window": 200, "use_sliding_window": False, "max_window_layers": 0,
                      **old_rope(1000000.0)},
                  foils={"no bias": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
                         "window": {"use_sliding_window": True}}),
    "qwen2_max_window_layers": case("Qwen2: layers from max_window_layers on slide", family="qwen2", files=QWEN2,
                                    style="old", config={**WINDOW, "max_window_layers": 1, **old_rope()},
                                    foils={"all slide": {"max_window_layers": 0},
                                           "none slides": {"max_window_layers": 2}}),
    "qwen2_layer_types": case("Qwen2: layer_types say which layers slide", family="qwen2", files=QWEN2,
                              config={**WINDOW, "max_window_layers": 1,
                                      "layer_types": ["sliding_attention", "full_attention"], **new_rope()},
                              foils={"max_window_layers": {"layer_types": "DROP"},
                                     "off by one": {"sliding_window": 199}}),
    "qwen2_kv32": case("Qwen2 without num_key_value_heads: 32", family="qwen2", model="kv32", length=300,
                       drop=["num_key_value_heads"], config=new_rope(),
                       foils=OTHER_THETA | {"no bias": {"model_type": "llama", "num_key_value_heads": 32}}),
    "qwen3": case("Qwen3: q and k norms, explicit head_dim", family="qwen3", files=QWEN3, config=new_rope(1000000.0),
                  foils={"no norms": {"model_type": "llama"}, "theta 10000": new_rope()}),
    "qwen3_bias_window": case("Qwen3: attention_bias, yarn in old style, sliding layers", family="qwen3",
                              files=QWEN3[:2] + BIASES[1:3] + ["main_head"], style="old",
                              config={**WINDOW, "max_window_layers": 1, "attention_bias": True,
                                      **old_rope(scaling={"rope_type": "yarn", "factor": 4.0,
                                                          "original_max_position_embeddings": 512})},
                              foils=NO_SCALING | {"no bias": {"attention_bias": False},
                                                  "no window": {"use_sliding_window": False}}),
    "qwen3_wide": case("Qwen3 without head_dim: 128, tied", family="qwen3", model="wide", drop=["head_dim"],
                       config=new_rope(), foils=OTHER_THETA),
    # OLMo 2
    "olmo2": case("OLMo 2: norms after each branch, and over all of q and k", family="olmo2", model="olmo", length=700,
                  config=new_rope(500000.0),
                  foils={"norms before": {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
                         "theta 10000": new_rope()}),
    "olmo2_old": case("OLMo 2, old style", family="olmo2", model="olmo", length=700, style="old",
                      config={"attention_bias": False, **old_rope(500000.0)}, same_as="olmo2"),
    # SmolLM3
    "smollm3": case("SmolLM3: every second layer without rope", family="smollm3", length=700,
                    config={"no_rope_layer_interval": 2, **NO_PAD, **new_rope()},
                    foils={"rope everywhere": {"no_rope_layers": [1, 1]},
                           "the other layer": {"no_rope_layers": [0, 1]}}),
    "smollm3_window": case("SmolLM3, old style: no_rope_layers, longer than the model; layers without rope slide",
                           family="smollm3", length=700, style="old",
                           config={"no_rope_layers": [0, 1, 0, 0], **WINDOW, **NO_PAD, **old_rope()},
                           foils={"the other slides": {"layer_types": ["full_attention", "sliding_attention"]},
                                  "no window": {"use_sliding_window": False}}),
    "smollm3_tied": case("SmolLM3 without theta (2000000), tied unless told otherwise, F32", family="smollm3",
                         model="f32", length=700, drop=["head_dim", "tie_word_embeddings"], config=NO_PAD,
                         foils={"theta 10000": {"rope_theta": 10000.0}}),
    # Phi-3
    "phi3": case("Phi-3: fused q/k/v and gate/up, a window for every layer, old style", family="phi3", model="phi",
                 length=700, style="old", drop=["head_dim"],
                 config={"sliding_window": 100, "attention_bias": False, **NO_PAD, **old_rope()},
                 foils={"no window": {"sliding_window": None}, "theta 20000": {"rope_theta": 20000.0}}),
    "phi3_short": case("Phi-3, longrope by `type`, short factors, attention factor from the lengths, old style",
                    family="phi3", model="phi", length=300, style="old", drop=["head_dim"],
                    config={"original_max_position_embeddings": 512, **NO_PAD,
                            **old_rope(scaling={"type": "longrope", **FACTORS8})},
                    foils={"no scaling": {"rope_scaling": None}, "long factors": {
                        "original_max_position_embeddings": 256, "rope_scaling": {
                            "type": "longrope", "attention_factor": (1 + 3 / 9)**0.5, **FACTORS8}}}),
    "phi3_longrope": case("Phi-4-mini: longrope with long factors, three quarters of each head turn",
                          family="phi3", model="phi", length=700,
                          config={"original_max_position_embeddings": 256, **NO_PAD,
                                  **new_rope(10000.0, "longrope", partial_rotary_factor=0.75, **FACTORS)},
                          foils={"short factors": {"original_max_position_embeddings": 1024, **new_rope(
                              10000.0, "longrope", partial_rotary_factor=0.75, attention_factor=1.5**0.5, **FACTORS)},
                                 "no attention factor": new_rope(10000.0, "longrope", partial_rotary_factor=0.75,
                                                                 attention_factor=1.0, **FACTORS)}),
    "phi3_partial": case("partial_rotary_factor at the top, default rope", family="phi3", model="phi", length=300,
                         style="old", drop=["head_dim"], config={"partial_rotary_factor": 0.5, **NO_PAD, **old_rope()},
                         foils={"all dimensions": {"partial_rotary_factor": 1.0}}),
    # Gemma 3
    "gemma3": case("Gemma 3: sandwich norms, two ropes, every third layer full, old style", family="gemma3_text",
                   model="gemma", length=700, style="old", drop=["hidden_act", "tie_word_embeddings"],
                   config={"query_pre_attn_scalar": 30, "sliding_window": 64, "sliding_window_pattern": 3,
                           "rope_local_base_freq": 5000.0, **GEMMA,
                           **old_rope(1000000.0, {"rope_type": "linear", "factor": 8.0})},
                   foils={"no scaling": {"rope_scaling": None}, "pattern": {"sliding_window_pattern": 2},
                          "scores by head_dim": {"query_pre_attn_scalar": 20},
                          "other local theta": {"rope_local_base_freq": 10000.0},
                          "off by one": {"sliding_window": 63}, "silu": {"hidden_activation": "silu"}}),
    "gemma3_types": case("Gemma 3: layer_types, rope_parameters by layer type", family="gemma3_text", model="gemma",
                         length=700, drop=["hidden_act"],
                         config={"query_pre_attn_scalar": 20, "sliding_window": 100, **GEMMA,
                                 "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
                                 "rope_parameters": {
                                     "full_attention": {"rope_type": "default", "rope_theta": 1000000.0},
                                     "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}},
                         foils={"pattern": {"layer_types": "DROP", "sliding_window_pattern": 3},
                                "one theta": {"rope_parameters": {
                                    "full_attention": {"rope_type": "default", "rope_theta": 10000.0},
                                    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}}),
    # OLMo 3
    "olmo3": case("OLMo 3: every fourth layer full, yarn in those alone, old style", family="olmo3", model="olmo",
                  length=700, style="old",
                  config={"sliding_window": 48, **old_rope(500000.0, YARN_OLMO)},
                  foils={"no scaling": {"rope_scaling": None}, "all full": {"layer_types": ["full_attention"] * 4},
                         "off by one": {"sliding_window": 47}}),
    "olmo3_types": case("OLMo 3: layer_types, rope_parameters by layer type", family="olmo3", model="olmo", length=300,
                        config={"sliding_window": 48,
                                "layer_types": ["sliding_attention", "full_attention"] * 2,
                                "rope_parameters": {
                                    "full_attention": {"rope_theta": 500000.0, **YARN_OLMO},
                                    "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0}}},
                        foils={"pattern": {"layer_types": "DROP"}}),
}
