// What each of the newer families reads in config.json: its defaults, and the rules of its own settings.
#include <gtest/gtest.h>

#include "model/config.h"

namespace lacuna {
namespace {

constexpr char kSizes[] = R"("hidden_size": 96, "intermediate_size": 250, "num_hidden_layers": 4,
    "num_attention_heads": 6, "num_key_value_heads": 2, "vocab_size": 300)";

Result<ModelConfig> Parse(const std::string& family, const std::string& more) {
  return ParseConfig("{\"model_type\": \"" + family + "\", " + kSizes + (more.empty() ? "" : ", ") + more + "}", "c");
}

ModelConfig Good(const std::string& family, const std::string& more = "") {
  Result<ModelConfig> config = Parse(family, more);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : ModelConfig{.layers = std::vector<LayerConfig>(4), .ropes = {{}}};
}

std::string Bad(const std::string& family, const std::string& more) {
  const Status status = Parse(family, more).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << more;
  return status.message();
}

void Names(const std::string& family, const std::string& more, const std::string& start) {
  const std::string message = Bad(family, more);
  EXPECT_TRUE(message.starts_with("c: `" + start)) << message;
}

using List = std::vector<int64_t>;
List Windows(const ModelConfig& config) {
  List windows;
  for (const LayerConfig& layer : config.layers) windows.push_back(layer.window);
  return windows;
}
List Ropes(const ModelConfig& config) {
  List ropes;
  for (const LayerConfig& layer : config.layers) ropes.push_back(layer.rope);
  return ropes;
}

TEST(Olmo2, Defaults) {
  const ModelConfig c = *ParseConfig(R"({"model_type": "olmo2"})", "c");
  EXPECT_EQ(c.vocab_size, 50304);
  EXPECT_EQ(c.num_kv_heads, 32);
  EXPECT_EQ(c.rms_norm_eps, 1e-5f);
  EXPECT_EQ(c.ropes[0].theta, 10000);
  EXPECT_EQ(c.eos_token_ids, std::vector<int32_t>{50279});
  EXPECT_EQ(c.qk_norm, QkNorm::kAll);
  EXPECT_EQ(c.family->names->attention_norm, nullptr);
  EXPECT_TRUE(Good("olmo2", R"("attention_bias": true)").o_bias);
  Names("olmo2", R"("sliding_window": 8)", "sliding_window` is 8");
  Names("olmo2", R"("clip_qkv": 8.0)", "clip_qkv` is 8.0");
}

TEST(SmolLm3, LayersWithoutRope) {
  const ModelConfig c = *ParseConfig(R"({"model_type": "smollm3", "num_hidden_layers": 8})", "c");
  EXPECT_TRUE(c.tie_word_embeddings);
  EXPECT_EQ(c.ropes[0].theta, 2e6);
  EXPECT_EQ(c.num_kv_heads, 4);
  EXPECT_EQ(Ropes(c), (List{0, 0, 0, -1, 0, 0, 0, -1}));
  EXPECT_EQ(Ropes(Good("smollm3", R"("no_rope_layer_interval": 2)")), (List{0, -1, 0, -1}));
  EXPECT_EQ(Ropes(Good("smollm3", R"("no_rope_layers": null, "no_rope_layer_interval": 3)")), (List{0, 0, -1, 0}));
  EXPECT_EQ(Ropes(Good("smollm3", R"("no_rope_layers": [0, 1, 1, 0, 1], "no_rope_layer_interval": 2)")),
            (List{-1, 0, 0, -1}));
  EXPECT_EQ(Bad("smollm3", R"("no_rope_layers": [1, 0])"),
            "c: `no_rope_layers` has 2 entries; it must have one for each of 4 layers (num_hidden_layers)");
  EXPECT_EQ(Bad("smollm3", R"("no_rope_layers": [1, 2, 1, 1])"),
            "c: `no_rope_layers` has 2 for layer 1; it must be 1 (rotary embedding) or 0 (none)");
  EXPECT_EQ(Bad("smollm3", R"("no_rope_layers": 1)"), "c: `no_rope_layers` is 1; it must be a list");
  Names("smollm3", R"("no_rope_layer_interval": 0)", "no_rope_layer_interval` is 0");
}

TEST(SmolLm3, LayersWithoutRopeSlide) {
  const std::string window = R"("no_rope_layers": [0, 1, 0, 1], "sliding_window": 7)";
  EXPECT_EQ(Windows(Good("smollm3", window)), (List{0, 0, 0, 0}));
  EXPECT_EQ(Windows(Good("smollm3", window + R"(, "use_sliding_window": true)")), (List{7, 0, 7, 0}));
  const std::string types = R"(, "layer_types": ["full_attention", "full_attention", "sliding_attention",
      "sliding_attention"])";
  EXPECT_EQ(Windows(Good("smollm3", window + R"(, "use_sliding_window": true)" + types)), (List{0, 0, 7, 7}));
  Names("smollm3", window + types, "layer_types` has \"sliding_attention\" for layer 2, but no window is set");
}

TEST(Phi3, Defaults) {
  const ModelConfig c = *ParseConfig(R"({"model_type": "phi3"})", "c");
  EXPECT_EQ(c.vocab_size, 32064);
  EXPECT_EQ(c.head_dim, 96);
  EXPECT_EQ(c.rotary_dim, 96);
  EXPECT_EQ(c.eos_token_ids, std::vector<int32_t>{32000});
  EXPECT_EQ(c.layers[0].window, 0);
  EXPECT_EQ(Windows(Good("phi3", R"("sliding_window": 9)")), (List{9, 9, 9, 9}));
  EXPECT_EQ(Windows(Good("phi3", R"("sliding_window": null)")), (List{0, 0, 0, 0}));
  Names("phi3", R"("sliding_window": 9, "layer_types": ["full_attention", "sliding_attention", "full_attention",
      "full_attention"])",
        "layer_types` has \"full_attention\" for layer 0, but in phi3 models every layer slides");
  Names("phi3", R"("attention_bias": true)", "attention_bias` is true");
}

TEST(Phi3, PartialRotary) {
  EXPECT_EQ(Good("phi3", R"("partial_rotary_factor": 0.75)").rotary_dim, 12);
  EXPECT_EQ(Good("phi3", R"("partial_rotary_factor": null)").rotary_dim, 16);
  EXPECT_EQ(
      Good("phi3", R"("partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 0.75})").rotary_dim,
      12);
  EXPECT_EQ(Good("phi3", R"("partial_rotary_factor": 0.5, "rope_parameters": {"rope_theta": 7.0})").rotary_dim, 8);
  EXPECT_EQ(
      Bad("phi3", R"("partial_rotary_factor": 0.7)"),
      "c: `partial_rotary_factor` is 0.7; of head_dim 16 it makes 11 dimensions that turn; these must be even, from "
      "2 on");
  Names("phi3", R"("partial_rotary_factor": 0.0)", "partial_rotary_factor` is 0.0; of head_dim 16 it makes 0");
  Names("phi3", R"("partial_rotary_factor": 1.5)", "partial_rotary_factor` is 1.5");
}

TEST(Phi3, LongRope) {
  const std::string factors = R"("short_factor": [1, 1, 1, 1, 1, 1, 1, 1.5], "long_factor": [2, 2, 2, 2, 2, 2, 2, 3])";
  for (const char* type :
       {R"("type": "longrope")", R"("rope_type": "longrope")", R"("type": "su")", R"("type": "yarn")"}) {
    const ModelConfig c = Good(
        "phi3", std::string(R"("max_position_embeddings": 8192, "rope_scaling": {)") + type + ", " + factors + "}");
    EXPECT_EQ(c.ropes[0].type, RopeType::kLongRope) << type;
    EXPECT_EQ(c.ropes[0].original_max_position_embeddings, 4096);
    EXPECT_EQ(c.ropes[0].factor, 2);
    ASSERT_EQ(c.ropes[0].long_factor.size(), 8u);
    EXPECT_EQ(c.ropes[0].long_factor[7], 3);
  }
  // What stands at the top wins, even by default.
  const std::string inside = R"("rope_scaling": {"type": "longrope", "original_max_position_embeddings": 64, )";
  EXPECT_EQ(Good("phi3", inside + factors + "}").ropes[0].original_max_position_embeddings, 4096);
  EXPECT_EQ(Good("phi3", R"("original_max_position_embeddings": 1024, )" + inside + factors + "}")
                .ropes[0]
                .original_max_position_embeddings,
            1024);
  EXPECT_EQ(Good("llama", R"("head_dim": 16, )" + inside + factors + "}").ropes[0].original_max_position_embeddings,
            64);
  EXPECT_EQ(Good("phi3", inside + factors + R"(, "factor": 5.0, "attention_factor": 1.25})").ropes[0].factor, 5);
  EXPECT_EQ(
      Bad("phi3", inside + R"("short_factor": [1], "long_factor": [1]})"),
      "c: `rope_scaling.short_factor` is [1]; it must be a list of 8 numbers above 0, one for each pair of dimensions");
  Names("phi3", inside + R"("short_factor": [1, 1, 1, 1, 1, 1, 1, 0], "long_factor": []})",
        "rope_scaling.short_factor");
  Names("phi3", inside + R"("short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": "x"})",
        "rope_scaling.long_factor");
  Names("phi3", R"("original_max_position_embeddings": 1, )" + inside + factors + "}",
        "rope_scaling.original_max_position_embeddings` comes out below 2");
  Names("phi3", R"("rope_scaling": {"type": "linear", "factor": 2})",
        "rope_scaling.type` is \"linear\"; supported are "
        "default and longrope");
  Names("phi3", R"("rope_scaling": {"full_attention": {}})", "rope_scaling.full_attention");
}

TEST(Gemma3, Defaults) {
  const ModelConfig c = *ParseConfig(R"({"model_type": "gemma3_text"})", "c");
  EXPECT_EQ(c.head_dim, 256);
  EXPECT_EQ(c.score_divisor, 256);
  EXPECT_EQ(c.vocab_size, 262208);
  EXPECT_TRUE(c.tie_word_embeddings && c.norm_plus_one && c.scaled_embedding);
  EXPECT_EQ(c.activation, Activation::kGeluTanh);
  EXPECT_EQ(c.layers[4].window, 4096);
  EXPECT_EQ(c.layers[5].window, 0);
  EXPECT_EQ(c.ropes[static_cast<size_t>(c.layers[0].rope)].theta, 1e4);
  EXPECT_EQ(c.ropes[static_cast<size_t>(c.layers[5].rope)].theta, 1e6);
  EXPECT_EQ(Good("gemma3_text", R"("query_pre_attn_scalar": 168)").score_divisor, 168);
  EXPECT_EQ(Good("llama").score_divisor, 16);
  EXPECT_TRUE(Good("gemma3_text").norm_plus_one);
  EXPECT_FALSE(Good("gemma3_text", R"("norm_plus_one": false)").norm_plus_one) << "as GGUF files hold them";
  EXPECT_FALSE(Good("llama", R"("norm_plus_one": false)").norm_plus_one);
  Names("llama", R"("norm_plus_one": true)", "norm_plus_one` is true");
  Names("gemma3_text", R"("query_pre_attn_scalar": 0)", "query_pre_attn_scalar` is 0");
  Names("gemma3_text", R"("final_logit_softcapping": 30.0)", "final_logit_softcapping` is 30.0");
  Names("gemma3_text", R"("attn_logit_softcapping": 50.0)", "attn_logit_softcapping` is 50.0");
  Names("gemma3_text", R"("use_bidirectional_attention": true)", "use_bidirectional_attention` is true");
  Names("gemma3_text", R"("hidden_activation": "gelu")", "hidden_activation` is \"gelu\"");
}

TEST(Gemma3, Windows) {
  const std::string window = R"("sliding_window": 7)";
  EXPECT_EQ(Windows(Good("gemma3_text", window)), (List{7, 7, 7, 7}));
  EXPECT_EQ(Windows(Good("gemma3_text", window + R"(, "sliding_window_pattern": 2)")), (List{7, 0, 7, 0}));
  EXPECT_EQ(Windows(Good("gemma3_text", window + R"(, "sliding_window_pattern": 2, "layer_types": ["full_attention",
      "sliding_attention", "sliding_attention", "full_attention"])")),
            (List{0, 7, 7, 0}));
  Names("gemma3_text", R"("sliding_window_pattern": 0)", "sliding_window_pattern` is 0");
  Names("gemma3_text", R"("sliding_window": null)", "sliding_window` is null");
}

TEST(Gemma3, RopesByLayerType) {
  const std::string pattern = R"("sliding_window_pattern": 2, )";
  const auto full = [](const ModelConfig& c) { return c.ropes[static_cast<size_t>(c.layers[1].rope)]; };
  const auto sliding = [](const ModelConfig& c) { return c.ropes[static_cast<size_t>(c.layers[0].rope)]; };
  ModelConfig c = Good("gemma3_text", pattern + R"("rope_theta": 5e5, "rope_local_base_freq": 2e4,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0})");
  EXPECT_EQ(full(c), (RopeConfig{.type = RopeType::kLinear, .theta = 5e5, .factor = 8}));
  EXPECT_EQ(sliding(c), (RopeConfig{.theta = 2e4}));
  c = Good("gemma3_text", pattern + R"("rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0},
      "sliding_attention": {"rope_theta": 300.0}})");
  EXPECT_EQ(full(c), (RopeConfig{.type = RopeType::kLinear, .theta = 1e6, .factor = 4}));
  EXPECT_EQ(sliding(c), (RopeConfig{.theta = 300}));
  c = Good("gemma3_text", pattern + R"("rope_scaling": null, "rope_parameters": {"full_attention": null})");
  EXPECT_EQ(full(c).theta, 1e6);
  EXPECT_EQ(sliding(c).theta, 1e4);
  Names("gemma3_text", R"("rope_parameters": {"rope_theta": 1e6})",
        "rope_parameters.rope_theta` is 1000000.0; the rotary settings of gemma3_text models are by layer type");
  Names("gemma3_text", R"("rope_scaling": {"type": "linear", "factor": 8.0})",
        "rope_scaling.type` is \"linear\"; gemma3_text models read `rope_type`");
  Names("gemma3_text", R"("rope_scaling": {"rope_type": "linear", "factor": 8.0}, "rope_parameters": {"full_attention":
      {}})",
        "rope_scaling` stands beside `rope_parameters`");
}

TEST(Olmo3, WindowsAndRopes) {
  const ModelConfig c = Good("olmo3", R"("rope_theta": 5e5, "rope_scaling": {"rope_type": "yarn", "factor": 8.0,
      "original_max_position_embeddings": 512})");
  EXPECT_EQ(Windows(c), (List{4096, 4096, 4096, 0}));
  EXPECT_EQ(c.ropes[static_cast<size_t>(c.layers[0].rope)], (RopeConfig{.theta = 5e5}));
  EXPECT_EQ(c.ropes[static_cast<size_t>(c.layers[3].rope)].type, RopeType::kYarn);
  EXPECT_EQ(Good("olmo3").ropes.size(), 1u);
  Names("olmo3", R"("sliding_window_pattern": 2)", "sliding_window_pattern` is 2");
  // transformers 4 and 5 differ here.
  EXPECT_EQ(Bad("olmo3", R"("rope_theta": 1e4)"),
            "c: `rope_theta` is 10000.0; it does not say what sliding layers of olmo3 models have: set it in "
            "`rope_parameters`, for each layer type");
  EXPECT_EQ(Good("olmo3", R"("rope_theta": 1e4, "rope_parameters": {"sliding_attention": {"rope_theta": 9.0}})")
                .ropes[0]
                .theta,
            9);
}

// The keys of published config.json files, all of them.
TEST(PublishedConfigs, Gemma3_1b) {
  const auto c =
      ParseConfig(R"({"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106],
    "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
    "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
    "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1, "pad_token_id": 0,
    "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000, "rope_scaling": null,
    "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
    "transformers_version": "4.50.0.dev0", "use_cache": true, "vocab_size": 262144})",
                  "c");
  ASSERT_TRUE(c.ok()) << c.status().message();
  EXPECT_EQ(c->head_dim, 256);
  EXPECT_EQ(c->layers[4].window, 512);
  EXPECT_EQ(c->layers[5].window, 0);
  EXPECT_EQ(c->ropes[static_cast<size_t>(c->layers[5].rope)].theta, 1e6);
  EXPECT_EQ(c->eos_token_ids, (std::vector<int32_t>{1, 106}));
  EXPECT_TRUE(c->tie_word_embeddings);
}

TEST(PublishedConfigs, Phi4Mini) {
  const std::string factors = [] {
    std::string list = "[1";
    for (int i = 1; i < 48; ++i) list += ", " + std::to_string(1 + i);
    return list + "]";
  }();
  const auto c =
      ParseConfig(R"({"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}, "bos_token_id": 199999, "embd_pdrop": 0.0,
    "eos_token_id": 199999, "full_attn_mod": 1, "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
    "intermediate_size": 8192, "interpolate_factor": 1, "lm_head_bias": false, "max_position_embeddings": 131072,
    "mlp_bias": false, "model_type": "phi3", "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "original_max_position_embeddings": 4096, "pad_token_id": 199999, "partial_rotary_factor": 0.75, "resid_pdrop": 0.0,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 200064, "rope_scaling": {"type": "longrope",
    "short_factor": )" +
                      factors + ", \"long_factor\": " + factors + "}}",
                  "c");
  ASSERT_TRUE(c.ok()) << c.status().message();
  EXPECT_EQ(c->head_dim, 128);
  EXPECT_EQ(c->rotary_dim, 96);
  EXPECT_EQ(c->ropes[0].type, RopeType::kLongRope);
  EXPECT_EQ(c->ropes[0].factor, 32);
  EXPECT_EQ(c->ropes[0].original_max_position_embeddings, 4096);
  EXPECT_TRUE(c->tie_word_embeddings);
}

TEST(PublishedConfigs, SmolLm3_3b) {
  const auto repeated = [](const char* item) {
    std::string list = item;
    for (int i = 1; i < 9; ++i) list += std::string(", ") + item;
    return "[" + list + "]";
  };
  const auto c =
      ParseConfig(R"({"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "bos_token_id": null, "eos_token_id": 128012, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 11008, "max_position_embeddings": 65536, "max_window_layers": 28, "mlp_bias": false,
    "model_type": "smollm3", "no_rope_layer_interval": 4, "num_attention_heads": 16, "num_hidden_layers": 36,
    "num_key_value_heads": 4, "pad_token_id": 128004, "pretraining_tp": 2, "rms_norm_eps": 1e-06, "rope_scaling": null,
    "rope_theta": 5000000.0, "sliding_window": null, "torch_dtype": "bfloat16", "use_cache": false,
    "use_sliding_window": false, "vocab_size": 128256, "no_rope_layers": )" +
                      repeated("1, 1, 1, 0") + R"(, "layer_types": )" +
                      repeated(R"("full_attention", "full_attention", "full_attention", "full_attention")") + "}",
                  "c");
  ASSERT_TRUE(c.ok()) << c.status().message();
  EXPECT_EQ(c->layers[2].rope, 0);
  EXPECT_EQ(c->layers[3].rope, -1);
  EXPECT_EQ(c->layers[35].rope, -1);
  EXPECT_EQ(c->ropes[0].theta, 5e6);
  EXPECT_FALSE(c->bos_token_id.has_value());
}

TEST(PublishedConfigs, Olmo3_7b) {
  std::string types = R"("sliding_attention", "sliding_attention", "sliding_attention", "full_attention")";
  for (int i = 0; i < 3; ++i) types += ", " + types;
  const auto c =
      ParseConfig(R"({"architectures": ["Olmo3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "dtype": "bfloat16", "eos_token_id": 100257, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
    "intermediate_size": 11008, "max_position_embeddings": 65536, "model_type": "olmo3", "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 32, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
    "rope_scaling": {"attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0,
    "original_max_position_embeddings": 8192, "rope_type": "yarn"}, "rope_theta": 500000, "sliding_window": 4096,
    "tie_word_embeddings": false, "transformers_version": "4.57.0", "use_cache": true, "vocab_size": 100278,
    "layer_types": [)" +
                      types + "]}",
                  "c");
  ASSERT_TRUE(c.ok()) << c.status().message();
  EXPECT_EQ(c->layers[0].window, 4096);
  EXPECT_EQ(c->layers[31].window, 0);
  EXPECT_EQ(c->ropes[static_cast<size_t>(c->layers[0].rope)], (RopeConfig{.theta = 5e5}));
  EXPECT_EQ(c->ropes[static_cast<size_t>(c->layers[31].rope)].attention_factor, 1.2079441541679836);
}

}  // namespace
}  // namespace lacuna
