// A model run layer by layer has the bits of the model run as a whole.
#include "compress/layer_runner.h"

#include <gtest/gtest.h>

#include "io/model_files.h"
#include "model/load_weights.h"
#include "model/model_impl.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"
#include "tests/support/parity.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace testing;

constexpr auto kNothing = [] { return Status(); };

TEST(LayerRunner, HasTheBitsOfTheModelsOwnPasses) {
  TempDir root;
  for (const std::string& name : ParityCaseNames()) {
    SCOPED_TRACE(name);
    const ParityCase parity = LoadParityCase(name, root);
    const auto model = MustLoad(parity.folder, Numerics::kDefault);
    const Model::Impl& m = model->impl();
    const std::vector<int32_t> all(parity.ids.begin(),
                                   parity.ids.begin() + std::min<std::ptrdiff_t>(160, std::ssize(parity.ids)));
    const std::size_t half = all.size() / 2;
    const std::vector<std::vector<int32_t>> sequences = {{all.begin(), all.begin() + static_cast<std::ptrdiff_t>(half)},
                                                         all};
    // The model's weights a second time, for the runner to have.
    const auto files = ModelFiles::Open(parity.folder);
    ASSERT_TRUE(files.ok());
    const ModelOptions load;
    auto loaded = LoadWeights(m.config, *files, load, 1);
    ASSERT_TRUE(loaded.ok());
    auto vectors = LoadVectors(m.config, *files);
    ASSERT_TRUE(vectors.ok()) << vectors.status().message();
    ASSERT_EQ(vectors->layers.size(), loaded->weights.layers.size());
    for (std::size_t i = 0; i < vectors->layers.size(); ++i) {
      LayerWeights& to = vectors->layers[i];
      LayerWeights& from = loaded->weights.layers[i];
      for (auto set : {&LayerWeights::qkv, &LayerWeights::o, &LayerWeights::gate_up, &LayerWeights::down}) {
        ASSERT_EQ((to.*set).members.size(), (from.*set).members.size());
        for (std::size_t j = 0; j < (to.*set).members.size(); ++j) {
          (to.*set).members[j].weight = std::move((from.*set).members[j].weight);
        }
      }
    }
    auto team = ThreadTeam::Create(1);
    ASSERT_TRUE(team.ok());
    auto runner = LayerRunner::Create(m.config, *std::move(vectors), sequences, **team, m.tier);
    ASSERT_TRUE(runner.ok()) << runner.status().message();
    ASSERT_TRUE((*runner)->Embed(loaded->weights.embedding).ok());
    for (int i = 0; i < m.config.num_layers; ++i) {
      if (i % 2 == 0) {
        ASSERT_TRUE((*runner)->Run(i, kNothing).ok());
        continue;
      }
      for (LayerStep step : {LayerStep::kQkv, LayerStep::kO, LayerStep::kGateUp, LayerStep::kDown}) {
        int64_t rows = 0;
        ASSERT_TRUE((*runner)
                        ->Inputs(i, step,
                                 [&](const View& input) {
                                   rows += input.rows;
                                   return Status();
                                 })
                        .ok());
        EXPECT_EQ(rows, static_cast<int64_t>(half + all.size()));
      }
      ASSERT_TRUE((*runner)->Finish(i, kNothing).ok());
    }

    for (int64_t s = 0; s < 2; ++s) {
      const std::vector<int32_t>& ids = sequences[static_cast<std::size_t>(s)];
      // LongRoPE goes by the context, which is the longest sequence's for the runner.
      SessionOptions options;
      options.context_length = static_cast<int64_t>(all.size());
      auto session = MustCreate(model, options);
      const auto want = AllLogits(*session, ids, 16);
      CpuBackend backend(**team, m.tier);
      const View x = (*runner)->Stream(s);
      std::vector<float> got(static_cast<std::size_t>(x.rows) * m.config.vocab_size);
      ASSERT_TRUE(
          RmsNorm(backend, {.x = x, .y = x, .weight = m.weights.final_norm.data(), .eps = m.config.rms_norm_eps}).ok());
      const std::size_t bytes = LinearWorkspace(x.rows, m.config.hidden_size, 1);
      auto workspace = AlignedBuffer::Create(bytes, "workspace");
      const View y[] = {F32View(got.data(), x.rows, m.config.vocab_size)};
      ASSERT_TRUE(
          Linear(backend, {.set = &m.weights.lm_head, .x = x, .y = y, .workspace = {workspace->data(), bytes}}).ok());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::span<const float> row = std::span(got).subspan(i * static_cast<std::size_t>(m.config.vocab_size),
                                                                  static_cast<std::size_t>(m.config.vocab_size));
        ASSERT_TRUE(SameBits(row, want[i])) << "position " << i;
      }
    }
  }
}

}  // namespace
}  // namespace lacuna
