// The parity cases of tests/data/parity (tests/data/README.md): tiny models and what transformers computes with them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lacuna/lacuna.h"
#include "tests/support/temp_dir.h"

namespace lacuna::testing {

struct ParityCase {
  std::string name;
  std::string what;
  std::string folder;  // the assembled model directory
  std::vector<int32_t> ids;
  std::vector<int> positions;
  std::vector<int32_t> probe_ids;
  std::vector<float> next;    // [ids - 1]: log p(ids[i + 1] | ids[..i])
  std::vector<float> probes;  // [positions][probe_ids]
  std::vector<float> top;     // [positions][2]
  std::vector<int32_t> top_ids;
};

std::vector<std::string> ParityCaseNames();
// Assembles the case's model directory under `root`.
ParityCase LoadParityCase(const std::string& name, const TempDir& root);

// Loads a model or fails the test.
std::shared_ptr<const Model> MustLoad(const std::string& folder, Numerics numerics, int threads = 1);
std::unique_ptr<Session> MustCreate(std::shared_ptr<const Model> model, const SessionOptions& options);

// Logits of every position of `ids` on a fresh lane, in pieces of `piece` rows.
std::vector<std::vector<float>> AllLogits(Session& session, const std::vector<int32_t>& ids, int piece);

// How far log p(ids[i + 1] | ids[..i]) of the logits is from `next`, of each value or of 1 where it is smaller.
struct NextErrors {
  double worst = 0, mean = 0;
};
NextErrors ErrorsOfNext(const std::vector<std::vector<float>>& logits, const std::vector<int32_t>& ids,
                        const std::vector<double>& next);

}  // namespace lacuna::testing
