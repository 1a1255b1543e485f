// Default mode: the logits of a position are the same bits however the text is cut, whoever runs beside it, with one
// thread or two, after forks and rollbacks, and for every node of a tree against a fresh run of its path.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "model/pack_model.h"
#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;

using AllRows = std::vector<std::vector<float>>;

bool SameRow(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i])) return false;  // +0 and -0 are one value; logits are finite
  }
  return true;
}

int FirstDifference(const AllRows& a, const AllRows& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size() || i >= b.size() || !SameRow(a[i], b[i])) return static_cast<int>(i);
  }
  return -1;
}

// A window, biases, q/k norms and several shards are among these.
class Independence : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string name = GetParam().substr(0, GetParam().find(' '));
    c_ = LoadParityCase(name, root_);
    c_.ids.resize(kLength);
    if (name != GetParam()) {  // "CASE CODEC": packed
      const std::string folder = root_.path() + "/packed";
      std::filesystem::create_directory(folder);
      ASSERT_TRUE(
          PackModel(c_.folder, folder, {.codec = *ParseCodec(GetParam().substr(name.size() + 1)), .threads = 2}).ok());
      c_.folder = folder;
    }
    model_ = MustLoad(c_.folder, Numerics::kDefault, 2);
    ASSERT_TRUE(model_);
    expected_ = AllLogits(*Create(), c_.ids, kLength);
    ASSERT_EQ(expected_.size(), static_cast<std::size_t>(kLength));
  }
  std::unique_ptr<Session> Create(int lanes = 1, int tree_rows = 0) {
    return MustCreate(model_, {.context_length = 1024,
                               .max_lanes = lanes,
                               .max_rows = kLength,
                               .max_logits = kLength,
                               .max_tree_rows = tree_rows});
  }
  // Crosses pages of 64, a chunk of 512 and every window of the cases.
  static constexpr int kLength = 600;
  TempDir root_;
  ParityCase c_;
  std::shared_ptr<const Model> model_;
  AllRows expected_;
};

TEST_P(Independence, PiecesOfAnySize) {
  for (int piece : {1, 7, 64, 100}) {
    EXPECT_EQ(FirstDifference(AllLogits(*Create(), c_.ids, piece), expected_), -1) << "pieces of " << piece;
  }
}

TEST_P(Independence, OneThread) {
  model_ = MustLoad(c_.folder, Numerics::kDefault, 1);
  EXPECT_EQ(FirstDifference(AllLogits(*Create(), c_.ids, 64), expected_), -1);
}

TEST_P(Independence, BesideOtherLanes) {
  const auto session = Create(4);
  std::vector<LaneId> lanes;
  for (int i = 0; i < 4; ++i) lanes.push_back(*session->NewLane());
  // Lane 2 has the text; the others have it reversed, at other speeds.
  AllRows got;
  std::vector<std::size_t> at(4, 0);
  const int pieces[] = {3, 50, 31, 1};
  while (at[2] < c_.ids.size()) {
    std::vector<PassRow> rows;
    for (int l = 0; l < 4; ++l) {
      for (int i = 0; i < pieces[l] && at[l] < c_.ids.size(); ++i, ++at[l]) {
        const int32_t token = l == 2 ? c_.ids[at[l]] : c_.ids[c_.ids.size() - 1 - at[l]];
        rows.push_back({.token = token, .lane = lanes[l], .want_logits = l == 2});
      }
    }
    const auto logits = session->Run(rows);
    ASSERT_TRUE(logits.ok()) << logits.status().message();
    for (int i = 0; i < logits->rows(); ++i) got.emplace_back((*logits)[i].begin(), (*logits)[i].end());
    for (LaneId lane : lanes) ASSERT_TRUE(session->Commit(lane).ok());
  }
  EXPECT_EQ(FirstDifference(got, expected_), -1);
}

TEST_P(Independence, AfterForkAndRollback) {
  const auto session = Create(3);
  const LaneId first = *session->NewLane();
  ASSERT_TRUE(session->Append(first, std::span(c_.ids).first(150)).ok());
  // A fork goes astray past a page border; the original and a second fork must not notice.
  const LaneId astray = *session->Fork(first);
  std::vector<int32_t> other(c_.ids.rbegin(), c_.ids.rbegin() + 100);
  ASSERT_TRUE(session->Append(astray, other).ok());
  ASSERT_TRUE(session->Rollback(astray, 140).ok());
  const LaneId second = *session->Fork(first);
  for (LaneId lane : {first, second}) {
    for (int at : {150, 151, 200}) {
      const int end = at == 150 ? 151 : at == 151 ? 200 : 260;
      const auto logits = session->Append(lane, std::span(c_.ids).subspan(at, end - at));
      ASSERT_TRUE(logits.ok());
      EXPECT_TRUE(SameRow((*logits)[0], expected_[end - 1])) << "lane " << lane << ", position " << end - 1;
    }
  }
  // The stray one comes back to the text at 140.
  const auto logits = session->Append(astray, std::span(c_.ids).subspan(140, 60));
  ASSERT_TRUE(logits.ok());
  EXPECT_TRUE(SameRow((*logits)[0], expected_[199]));
}

TEST_P(Independence, TreesAgainstFreshRunsOfTheirPaths) {
  std::mt19937 random(7);
  for (int committed : {0, 61, 64, 500, 509}) {
    const auto session = Create(2, 40);
    const LaneId lane = *session->NewLane();
    if (committed > 0) {
      ASSERT_TRUE(session->Append(lane, std::span(c_.ids).first(committed)).ok());
    }
    std::vector<PassRow> rows;
    for (int i = 0; i < 24; ++i) {
      const int parent = static_cast<int>(random() % (i + 2)) - 2;  // kRoot, kChain or an earlier row
      rows.push_back(
          {.token = static_cast<int32_t>(random() % 131), .lane = lane, .parent = parent, .want_logits = true});
    }
    std::vector<int> parents;
    for (int i = 0; i < 24; ++i) {
      parents.push_back(rows[i].parent == PassRow::kChain  ? i - 1
                        : rows[i].parent == PassRow::kRoot ? -1
                                                           : rows[i].parent);
    }
    const auto logits = session->Run(rows);
    ASSERT_TRUE(logits.ok()) << logits.status().message();
    AllRows tree;
    for (int i = 0; i < 24; ++i) tree.emplace_back((*logits)[i].begin(), (*logits)[i].end());
    const auto alone = Create();
    const LaneId fresh = *alone->NewLane();
    if (committed > 0) {
      ASSERT_TRUE(alone->Append(fresh, std::span(c_.ids).first(committed)).ok());
    }
    for (int i = 0; i < 24; ++i) {
      std::vector<int32_t> path;
      for (int n = i; n >= 0; n = parents[n]) path.insert(path.begin(), rows[n].token);
      const auto want = alone->Append(fresh, path);
      ASSERT_TRUE(want.ok());
      EXPECT_TRUE(SameRow(tree[i], (*want)[0])) << "committed " << committed << ", node " << i;
      ASSERT_TRUE(alone->Rollback(fresh, committed).ok());
    }
  }
}

TEST_P(Independence, CommittedPathOfATreeGoesOnLikeAChain) {
  const auto session = Create(1, 16);
  const LaneId lane = *session->NewLane();
  ASSERT_TRUE(session->Append(lane, std::span(c_.ids).first(62)).ok());
  // Rows 0, 2, 4 are the text; 1 and 3 go astray.
  std::vector<PassRow> rows = {{.token = c_.ids[62], .lane = lane, .parent = PassRow::kRoot},
                               {.token = 5, .lane = lane, .parent = PassRow::kRoot},
                               {.token = c_.ids[63], .lane = lane, .parent = 0},
                               {.token = 9, .lane = lane, .parent = 1},
                               {.token = c_.ids[64], .lane = lane, .parent = 2, .want_logits = true}};
  const auto logits = session->Run(rows);
  ASSERT_TRUE(logits.ok()) << logits.status().message();
  EXPECT_TRUE(SameRow((*logits)[0], expected_[64]));
  EXPECT_FALSE(session->Commit(lane, std::vector<int>{0, 3}).ok()) << "row 3 does not follow row 0";
  ASSERT_TRUE(session->Commit(lane, std::vector<int>{0, 2, 4}).ok());
  EXPECT_EQ(*session->Length(lane), 65);
  const auto next = session->Append(lane, std::span(c_.ids).subspan(65, 100));
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(SameRow((*next)[0], expected_[164]));
}

INSTANTIATE_TEST_SUITE_P(Cases, Independence,
                         ::testing::Values("llama_default", "llama_biases", "mistral_window", "qwen2", "qwen3", "olmo2",
                                           "smollm3_window", "phi3_longrope", "gemma3", "olmo3", "phi3_longrope int8",
                                           "gemma3 int4", "qwen2 bitmap-int4", "mistral_window int8"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace lacuna
