#include "model/config.h"

#include <gtest/gtest.h>

#include "tests/support/paths.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

constexpr char kSizes[] =
    R"("hidden_size": 96, "intermediate_size": 250, "num_hidden_layers": 4, "num_attention_heads": 6, "vocab_size": 300)";

// config.json of a family with `more` settings ("\"a\": 1, ...").
std::string Text(const std::string& family, const std::string& more = "") {
  return "{\"model_type\": \"" + family + "\", " + kSizes + (more.empty() ? "" : ", ") + more + "}";
}

ModelConfig Good(const std::string& family, const std::string& more = "", const std::string& generation = "") {
  Result<ModelConfig> config = ParseConfig(Text(family, more), "config.json", generation, "generation_config.json");
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : ModelConfig();
}

std::string Bad(const std::string& family, const std::string& more, const std::string& generation = "") {
  const Status status = ParseConfig(Text(family, more), "config.json", generation, "generation_config.json").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << more;
  return status.message();
}

std::vector<int64_t> Windows(const ModelConfig& config) {
  std::vector<int64_t> windows;
  for (const LayerConfig& layer : config.layers) windows.push_back(layer.window);
  return windows;
}

using W = std::vector<int64_t>;
using Ids = std::vector<int32_t>;

TEST(Config, LlamaSizesAndDefaults) {
  const ModelConfig c =
      Good("llama", R"("rms_norm_eps": 1e-05, "torch_dtype": "bfloat16", "architectures": ["LlamaForCausalLM"])");
  EXPECT_EQ(c.model_type, "llama");
  EXPECT_EQ(c.architecture, "LlamaForCausalLM");
  EXPECT_EQ(c.dtype, "bfloat16");
  EXPECT_EQ(c.hidden_size, 96);
  EXPECT_EQ(c.intermediate_size, 250);
  EXPECT_EQ(c.num_layers, 4);
  EXPECT_EQ(c.num_heads, 6);
  EXPECT_EQ(c.vocab_size, 300);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.max_position_embeddings, 2048);
  EXPECT_EQ(c.rms_norm_eps, 1e-5f);
  EXPECT_FALSE(c.tie_word_embeddings || c.qkv_bias || c.o_bias || c.mlp_bias || c.norm_plus_one || c.scaled_embedding);
  EXPECT_EQ(Windows(c), (W{0, 0, 0, 0}));
  ASSERT_EQ(c.ropes.size(), 1u);
  EXPECT_EQ(c.ropes[0], RopeConfig());
  EXPECT_EQ(c.bos_token_id, 1);
  EXPECT_EQ(c.eos_token_ids, Ids{2});
  EXPECT_EQ(Good("llama", R"("dtype": "float16", "torch_dtype": "float32")").dtype, "float16");
}

TEST(Config, EveryDefaultIsTransformers) {
  const auto defaults = [](const char* family) {
    return *ParseConfig(std::string("{\"model_type\":\"") + family + "\"}", "c");
  };
  const ModelConfig llama = defaults("llama"), mistral = defaults("mistral"), qwen2 = defaults("qwen2"),
                    qwen3 = defaults("qwen3");
  EXPECT_EQ(llama.intermediate_size, 11008);
  EXPECT_EQ(mistral.intermediate_size, 14336);
  EXPECT_EQ(mistral.max_position_embeddings, 131072);
  EXPECT_EQ(qwen2.vocab_size, 151936);
  EXPECT_EQ(qwen2.intermediate_size, 22016);
  EXPECT_EQ(qwen3.max_position_embeddings, 32768);
  EXPECT_EQ(qwen3.rms_norm_eps, 1e-6f);
  EXPECT_EQ(llama.num_kv_heads, 32);
  EXPECT_EQ(mistral.num_kv_heads, 8);
  EXPECT_EQ(qwen2.head_dim, 128);
  EXPECT_FALSE(qwen2.bos_token_id.has_value());
  EXPECT_TRUE(qwen3.eos_token_ids.empty());
}

TEST(Config, AbsentHeadCountsAreTheFamilys) {
  EXPECT_EQ(Good("llama").num_kv_heads, 6);
  EXPECT_EQ(Good("llama", R"("num_key_value_heads": null)").num_kv_heads, 6);
  EXPECT_EQ(Good("llama", R"("num_key_value_heads": 2)").num_kv_heads, 2);
  EXPECT_EQ(Bad("mistral", ""),
            "config.json: `num_key_value_heads` comes out as 8; it must divide num_attention_heads, 6");
  EXPECT_EQ(Good("mistral", R"("num_attention_heads": 16)").num_kv_heads, 8);
  EXPECT_EQ(Good("mistral", R"("num_key_value_heads": null)").num_kv_heads, 6);
  EXPECT_EQ(Bad("qwen3", "").substr(0, 62), "config.json: `num_key_value_heads` comes out as 32; it must di");
  EXPECT_EQ(Good("qwen3", R"("num_key_value_heads": null)").num_kv_heads, 6);
}

TEST(Config, HeadDim) {
  EXPECT_EQ(Good("llama", R"("head_dim": 20)").head_dim, 20);
  EXPECT_EQ(Good("llama", R"("head_dim": null)").head_dim, 16);
  EXPECT_EQ(Good("qwen3", R"("num_key_value_heads": 6)").head_dim, 128);
  EXPECT_EQ(Bad("qwen3", R"("num_key_value_heads": 6, "head_dim": null)"),
            "config.json: `head_dim` is null; it must be an integer from 1 to 8192");
  EXPECT_EQ(Good("qwen2", R"("num_key_value_heads": 6, "hidden_size": 100)").head_dim, 16);
  EXPECT_EQ(Bad("llama", R"("hidden_size": 100, "head_dim": 16)"),
            "config.json: `hidden_size` is 100; it must be a multiple of num_attention_heads, 6");
  EXPECT_EQ(Bad("llama", R"("head_dim": 15)"),
            "config.json: `head_dim` comes out as 15; rotary embedding needs an even number from 2 to 8192");
}

TEST(Config, Biases) {
  const ModelConfig biased = Good("llama", R"("attention_bias": true, "mlp_bias": true)");
  EXPECT_TRUE(biased.qkv_bias && biased.o_bias && biased.mlp_bias);
  const ModelConfig qwen2 = Good("qwen2", R"("num_key_value_heads": 2)");
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.o_bias && !qwen2.mlp_bias && qwen2.qk_norm == QkNorm::kNone);
  const ModelConfig qwen3 = Good("qwen3", R"("num_key_value_heads": 2)");
  EXPECT_TRUE(!qwen3.qkv_bias && !qwen3.o_bias && qwen3.qk_norm == QkNorm::kHead);
  EXPECT_TRUE(Good("qwen3", R"("num_key_value_heads": 2, "attention_bias": true)").o_bias);
  EXPECT_EQ(Bad("mistral", R"("num_key_value_heads": 2, "attention_bias": true)"),
            "config.json: `attention_bias` is true; this changes the result and is not supported for mistral models: "
            "it must be "
            "absent or null or false");
  EXPECT_NE(Bad("qwen3", R"("mlp_bias": true)").find("`mlp_bias` is true"), std::string::npos);
  EXPECT_EQ(Bad("llama", R"("mlp_bias": 1)"), "config.json: `mlp_bias` is 1; it must be true or false");
}

TEST(Config, MistralWindow) {
  const std::string kv = R"("num_key_value_heads": 2)";
  EXPECT_EQ(Windows(Good("mistral", kv)), (W{4096, 4096, 4096, 4096}));
  EXPECT_EQ(Windows(Good("mistral", kv + R"(, "sliding_window": null)")), (W{0, 0, 0, 0}));
  EXPECT_EQ(Windows(Good("mistral", kv + R"(, "sliding_window": 7)")), (W{7, 7, 7, 7}));
  EXPECT_EQ(Windows(Good("mistral", kv + R"(, "sliding_window": 7, "layer_types": null)")), (W{7, 7, 7, 7}));
  EXPECT_EQ(Windows(Good("mistral", kv + R"(, "sliding_window": 7, "layer_types":
      ["full_attention", "sliding_attention", "sliding_attention", "attention"])")),
            (W{0, 7, 7, 0}));
  EXPECT_EQ(Bad("mistral", kv + R"(, "sliding_window": 0)"),
            "config.json: `sliding_window` is 0; it must be an integer from 1 to 1099511627776");
}

TEST(Config, QwenWindow) {
  const std::string kv = R"("num_key_value_heads": 2, "sliding_window": 7, )";
  const std::string types =
      R"("layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"])";
  for (const char* family : {"qwen2", "qwen3"}) {
    EXPECT_EQ(Windows(Good(family, kv + R"("max_window_layers": 0)")), (W{0, 0, 0, 0}));
    EXPECT_EQ(Windows(Good(family, kv + R"("use_sliding_window": false, "max_window_layers": 0)")), (W{0, 0, 0, 0}));
    EXPECT_EQ(Windows(Good(family, kv + R"("use_sliding_window": true, "max_window_layers": 3)")), (W{0, 0, 0, 7}));
    EXPECT_EQ(Windows(Good(family, kv + R"("use_sliding_window": true)")), (W{0, 0, 0, 0}));  // from layer 28 on
    EXPECT_EQ(Windows(Good(family, kv + R"("use_sliding_window": true, )" + types)), (W{7, 0, 7, 0}));
    EXPECT_EQ(Windows(Good(family, R"("num_key_value_heads": 2, "use_sliding_window": true, "max_window_layers": 2)")),
              (W{0, 0, 4096, 4096}));
    EXPECT_EQ(
        Windows(Good(
            family,
            R"("num_key_value_heads": 2, "sliding_window": null, "use_sliding_window": true, "max_window_layers": 2)")),
        (W{0, 0, 0, 0}));
    EXPECT_EQ(Bad(family, kv + types),
              "config.json: `layer_types` has \"sliding_attention\" for layer 0, but no window is set: that takes "
              "`sliding_window` and "
              "`use_sliding_window`");
    EXPECT_EQ(Bad(family, kv + R"("use_sliding_window": null)"),
              "config.json: `use_sliding_window` is null; it must be true or false");
  }
}

TEST(Config, LayerTypesAreChecked) {
  EXPECT_EQ(Bad("llama", R"("layer_types": ["full_attention"])"),
            "config.json: `layer_types` has 1 entries; it must have one for each of 4 layers (num_hidden_layers)");
  EXPECT_EQ(
      Bad("llama", R"("layer_types": ["full_attention", "chunked_attention", "full_attention", "full_attention"])"),
      "config.json: `layer_types` has \"chunked_attention\" for layer 1; supported are full_attention and "
      "sliding_attention");
  EXPECT_NE(
      Bad("llama", R"("layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"])")
          .find("layer 1"),
      std::string::npos);
  EXPECT_EQ(Bad("llama", R"("layer_types": "full_attention")"),
            "config.json: `layer_types` is \"full_attention\"; it must be a list of strings");
  EXPECT_EQ(Bad("llama", R"("sliding_window": 128)"),
            "config.json: `sliding_window` is 128; llama models have no sliding window: it must be absent or null");
  EXPECT_EQ(Windows(Good("llama", R"("sliding_window": null)")), (W{0, 0, 0, 0}));
  EXPECT_EQ(Windows(Good("llama", R"("sliding_window": 128, "use_sliding_window": false)")), (W{0, 0, 0, 0}));
}

TEST(Config, TokenIds) {
  EXPECT_EQ(Good("llama", R"("eos_token_id": [5, 7])").eos_token_ids, (Ids{5, 7}));
  EXPECT_EQ(Good("llama", R"("eos_token_id": 5)").eos_token_ids, Ids{5});
  EXPECT_TRUE(Good("llama", R"("eos_token_id": null)").eos_token_ids.empty());
  EXPECT_EQ(Good("llama", R"("eos_token_id": 5)", R"({"eos_token_id": [8, 9]})").eos_token_ids, (Ids{8, 9}));
  EXPECT_EQ(Good("llama", R"("eos_token_id": 5)", R"({"eos_token_id": null})").eos_token_ids, Ids{5});
  EXPECT_EQ(Good("llama", R"("eos_token_id": 5)", R"({"temperature": 0.6})").eos_token_ids, Ids{5});
  EXPECT_EQ(Good("llama", R"("bos_token_id": 0)").bos_token_id, 0);
  EXPECT_EQ(Good("llama", R"("bos_token_id": 3)", R"({"bos_token_id": 0})").bos_token_id, 0);
  EXPECT_FALSE(Good("llama", R"("bos_token_id": null)").bos_token_id.has_value());
  // Published files have ids outside the vocabulary; no text contains them.
  EXPECT_EQ(Good("llama", R"("eos_token_id": [-1, 299, 300], "bos_token_id": 300)").eos_token_ids, Ids{299});
  EXPECT_FALSE(Good("llama", R"("bos_token_id": 300)").bos_token_id.has_value());
  EXPECT_NE(Bad("llama", R"("eos_token_id": "</s>")").find("config.json: `eos_token_id` is \"</s>\"; it must be"),
            std::string::npos);
  EXPECT_NE(Bad("llama", "", R"({"eos_token_id": [1.5]})").find("generation_config.json: `eos_token_id` is [1.5];"),
            std::string::npos);
  EXPECT_NE(Bad("llama", "", "{").find("generation_config.json: broken JSON"), std::string::npos);
}

TEST(Config, UnknownFamilies) {
  EXPECT_EQ(ParseConfig(Text("gpt_neox"), "c").status().message(),
            "c: `model_type` is \"gpt_neox\"; supported are llama, mistral, qwen2, qwen3, olmo2, smollm3, olmo3, phi3, "
            "gemma3_text");
  EXPECT_EQ(ParseConfig("{}", "c").status().message(), "c: `model_type` is missing; supported are " + FamilyList());
  EXPECT_EQ(ParseConfig(R"({"model_type": 3})", "c").status().message(), "c: `model_type` is 3; it must be a string");
}

TEST(Config, SettingsThatChangeTheResultAreNamed) {
  const auto named = [](const std::string& key, const std::string& value) {
    const std::string message = Bad("llama", "\"" + key + "\": " + value);
    EXPECT_TRUE(message.starts_with("config.json: `" + key + "` ")) << message;
  };
  named("hidden_act", "\"gelu\"");
  named("hidden_act", "null");
  named("quantization_config", R"({"quant_method": "fp8"})");
  named("quantization_config", "{\"bits\": 4}");
  named("attention_multiplier", "0.015625");
  named("embedding_multiplier", "12.0");
  named("logits_scaling", "8");
  named("residual_multiplier", "0.22");
  named("num_experts", "8");
  named("num_local_experts", "8");
  named("partial_rotary_factor", "0.5");
  named("attn_logit_softcapping", "50.0");
  named("final_logit_softcapping", "30.0");
  named("query_pre_attn_scalar", "256");
  named("use_qk_norm", "true");
  named("is_causal", "false");
  named("alibi", "true");
  named("no_rope_layers", "[1, 0]");
  named("sliding_window_pattern", "6");
  named("rope_local_base_freq", "10000.0");
  named("hidden_activation", "\"silu\"");
  named("lm_head_bias", "true");
  named("per_layer_config", "{\"0\": {}}");
  named("kv_lora_rank", "512");
  EXPECT_EQ(Bad("llama", R"("quantization_config": {"quant_method": "fp8"})"),
            "config.json: `quantization_config` says quant_method \"fp8\"; weights are read in F32, F16 or BF16, or of "
            "the methods compressed-tensors, gptq, awq and lacuna");
  EXPECT_EQ(Bad("llama", R"("hidden_act": "gelu")"),
            "config.json: `hidden_act` is \"gelu\"; supported are silu and gelu_pytorch_tanh");
  // At values without effect they are fine, and so is what nobody reads.
  Good("llama",
       R"("partial_rotary_factor": 1.0, "num_experts": 0, "alibi": false, "is_causal": true, "logits_scaling": 1,
      "quantization_config": null, "attn_logit_softcapping": null, "hidden_act": "swish", "pretraining_tp": 2, "use_cache": false,
      "attention_dropout": 0.1, "my_note": {"any": ["thing"]}, "auto_map": {"AutoModel": "x.py"}, "no_rope_layers": [])");
}

TEST(Config, WrongTypesAndRanges) {
  EXPECT_EQ(Bad("llama", R"("hidden_size": "96")"),
            "config.json: `hidden_size` is \"96\"; it must be an integer from 1 to 1048576");
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
                          "max_position_embeddings", "num_key_value_heads", "head_dim"}) {
    for (const char* value : {"0", "-1", "1e300", "99999999999999999999", "[4]", "true", "2.5"}) {
      const std::string message = Bad("llama", std::string("\"") + key + "\": " + value);
      EXPECT_TRUE(message.starts_with(std::string("config.json: `") + key + "` is ")) << message;
    }
  }
  EXPECT_EQ(Bad("llama", R"("rms_norm_eps": -1)"),
            "config.json: `rms_norm_eps` is -1; it must be a number from 0.0 to 1.0");
  EXPECT_NE(Bad("llama", R"("num_hidden_layers": 1000000000)").find("from 1 to 10000"), std::string::npos);
  EXPECT_NE(ParseConfig("[" + std::string(1000, '['), "c").status().message().find("c: nested deeper"),
            std::string::npos);
  EXPECT_EQ(ParseConfig("[]", "c").status().message(), "c: is []; it must be a JSON object");
}

TEST(LoadConfig, ReadsBothFiles) {
  testing::TempDir dir;
  EXPECT_EQ(LoadConfig(dir.path()).status().message(), dir.File("config.json") + ": no such file");
  dir.Write("b.gguf", "");
  dir.Write("a.gguf", "");
  EXPECT_EQ(LoadConfig(dir.path()).status().message(),
            dir.File("config.json") + ": no such file; a GGUF file is a model by itself: " + dir.File("a.gguf"));
  EXPECT_EQ(LoadConfig(dir.File("c.gguf")).status().message(), dir.File("c.gguf") + ": no such file");
  dir.Write("config.json", Text("llama", R"("eos_token_id": 5)"));
  ASSERT_TRUE(LoadConfig(dir.path()).ok());
  EXPECT_EQ(LoadConfig(dir.path())->eos_token_ids, Ids{5});
  dir.Write("generation_config.json", R"({"eos_token_id": [6]})");
  EXPECT_EQ(LoadConfig(dir.path())->eos_token_ids, Ids{6});
  dir.Write("generation_config.json", "");
  EXPECT_EQ(LoadConfig(dir.path()).status().message(), dir.File("generation_config.json") + ": the file is empty");
  EXPECT_EQ(LoadConfig(dir.File("none")).status().message(), dir.File("none") + ": no such folder");
  EXPECT_NE(LoadConfig(dir.File("config.json")).status().message().find("is not a folder"), std::string::npos);
}

TEST(LoadConfig, Stories260K) {
  LACUNA_NEEDS_SHARED_DATA();
  Result<ModelConfig> config = LoadConfig(testing::SharedData() + "/stories260K");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->hidden_size, 64);
  EXPECT_EQ(config->num_kv_heads, 4);
  EXPECT_TRUE(config->tie_word_embeddings);
}

TEST(Families, TensorNames) {
  const TensorNames& names = *FindFamily("qwen3")->names;
  EXPECT_EQ(names.Layer(12, names.q_norm), "model.layers.12.self_attn.q_norm.weight");
  EXPECT_EQ(names.Layer(0, names.q, "bias"), "model.layers.0.self_attn.q_proj.bias");
  EXPECT_EQ(FindFamily("Llama"), nullptr);
  EXPECT_EQ(Families().size(), 9u);
}

}  // namespace
}  // namespace lacuna
