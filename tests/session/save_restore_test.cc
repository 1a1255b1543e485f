// A lane goes to a file and comes back with the same bits; no other file is taken.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

#include "base/checksum.h"
#include "lacuna/lacuna.h"
#include "model/pack_model.h"
#include "session/session_file.h"
#include "tests/support/parity.h"
#include "tests/support/read_all.h"

namespace lacuna {
namespace {

using namespace testing;

std::vector<float> After(Session& session, LaneId lane, int32_t id) {
  const auto logits = session.Append(lane, {&id, 1});
  EXPECT_TRUE(logits.ok()) << logits.status().message();
  if (!logits.ok()) return {};
  return {(*logits)[0].begin(), (*logits)[0].end()};
}

class SaveRestore : public ::testing::Test {
 protected:
  SaveRestore() : c_(LoadParityCase("mistral_window", root_)), model_(MustLoad(c_.folder, Numerics::kDefault)) {}
  std::unique_ptr<Session> New(int lanes = 2, int64_t context = 300) {
    return MustCreate(model_, {.context_length = context, .max_lanes = lanes});
  }
  std::span<const int32_t> Ids(size_t n) const { return std::span(c_.ids).first(n); }

  TempDir root_;
  ParityCase c_;
  std::shared_ptr<const Model> model_;
};

TEST_F(SaveRestore, TheRestoredLaneGoesOnWithTheSameBits) {
  for (const size_t n : {1u, 63u, 64u, 100u, 128u}) {
    const auto session = New();
    const LaneId lane = *session->NewLane();
    ASSERT_TRUE(session->Append(lane, Ids(n)).ok());
    const std::string file = root_.File("saved");
    ASSERT_TRUE(session->Save(lane, file).ok());
    const auto other = New();
    const auto restored = other->Restore(file);
    ASSERT_TRUE(restored.ok()) << restored.status().message();
    EXPECT_EQ(*other->Length(*restored), static_cast<int64_t>(n));
    const auto tokens = *other->Tokens(*restored);
    EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), c_.ids.begin(), c_.ids.begin() + static_cast<ptrdiff_t>(n)));
    for (int step = 0; step < 3; ++step) {
      const int32_t id = c_.ids[n + static_cast<size_t>(step)];
      EXPECT_EQ(After(*session, lane, id), After(*other, *restored, id)) << n << " + " << step;
    }
    EXPECT_EQ(root_.List().size(), std::filesystem::is_directory(c_.folder) ? root_.List().size() : 1u);
  }
}

TEST_F(SaveRestore, GenerationGoesOnAsIfNothingHadHappened) {
  GenerateOptions options;
  options.max_tokens = 12;
  options.ignore_eos = true;
  options.sampling.repeat_penalty = 1.3f;  // looks at the whole lane
  options.sampling.seed = 5;
  const auto session = New();
  const LaneId lane = *session->NewLane();
  const auto first = Generate(*session, lane, Ids(20), options);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(session->Save(lane, root_.File("saved")).ok());
  const auto other = New();
  const LaneId restored = *other->Restore(root_.File("saved"));
  const int32_t last[] = {first->ids.back()};
  const auto a = Generate(*session, lane, last, options), b = Generate(*other, restored, last, options);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->ids, b->ids);
}

TEST_F(SaveRestore, TheFileIsAFunctionOfTheTokens) {
  const auto session = New();
  const LaneId lane = *session->NewLane();
  ASSERT_TRUE(session->Append(lane, Ids(40)).ok());
  ASSERT_TRUE(session->Save(lane, root_.File("a")).ok());
  ASSERT_TRUE(session->Append(lane, std::span(c_.ids).subspan(60, 30)).ok());
  ASSERT_TRUE(session->Rollback(lane, 40).ok());
  ASSERT_TRUE(session->Save(lane, root_.File("b")).ok());  // nothing of what was rolled back is in it
  EXPECT_EQ(ReadAll(root_.File("a")), ReadAll(root_.File("b")));
  const LaneId empty = *session->NewLane();
  ASSERT_TRUE(session->Save(empty, root_.File("empty")).ok());
  const auto other = New();
  const auto restored = other->Restore(root_.File("empty"));
  ASSERT_TRUE(restored.ok()) << restored.status().message();
  EXPECT_EQ(*other->Length(*restored), 0);
}

TEST_F(SaveRestore, OtherFilesAreRefused) {
  const auto session = New();
  const LaneId lane = *session->NewLane();
  ASSERT_TRUE(session->Append(lane, Ids(70)).ok());
  const std::string file = root_.File("saved");
  ASSERT_TRUE(session->Save(lane, file).ok());
  const std::string good = ReadAll(file);
  const auto message = [&](const std::string& content, std::shared_ptr<const Model> model = nullptr,
                           int64_t context = 300) {
    root_.Write("bad", content);
    const auto other = MustCreate(model ? model : model_, {.context_length = context});
    const auto restored = other->Restore(root_.File("bad"));
    EXPECT_FALSE(restored.ok());
    EXPECT_TRUE(other->NewLane().ok());  // no lane was lost
    EXPECT_EQ(restored.status().code(), StatusCode::kInvalidInput);
    return restored.status().message();
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(message("hello"), "no session file"));
  EXPECT_TRUE(has(message(good.substr(0, 63)), "no session file"));
  EXPECT_TRUE(has(message(good.substr(0, good.size() - 1)), "bytes, expected"));
  EXPECT_TRUE(has(message(good + "x"), "bytes, expected"));
  for (const size_t at : {20u, 48u, 56u}) {
    std::string bad = good;
    bad[at] ^= 1;
    EXPECT_TRUE(has(message(bad), "damaged")) << at;
  }
  for (const size_t at : {64u, 1000u}) {
    std::string bad = good;
    bad[at] ^= 1;
    EXPECT_TRUE(has(message(bad), "damaged")) << at;
  }
  std::string version = good;
  version[8] = 9;
  EXPECT_TRUE(has(message(version), "version 9"));
  EXPECT_TRUE(has(message(good, nullptr, 64), "more than the context"));
  EXPECT_TRUE(has(message(good, MustLoad(c_.folder, Numerics::kF32)), "another model"));
  const ParityCase other = LoadParityCase("llama_default", root_);
  EXPECT_TRUE(has(message(good, MustLoad(other.folder, Numerics::kDefault)), "another model"));
  // With a checksum that is right: ids and values are looked at all the same.
  const auto forged = [&](size_t at, std::string bytes) {
    std::string bad = good;
    bad.replace(at, bytes.size(), bytes);
    Checksum sum;
    sum.Add(std::as_bytes(std::span(bad.data() + 64, bad.size() - 72)));
    const uint64_t value = sum.value();
    std::memcpy(bad.data() + bad.size() - 8, &value, 8);
    return bad;
  };
  EXPECT_TRUE(has(message(forged(64, std::string(4, '\x7F'))), "token id"));
  EXPECT_TRUE(has(message(forged(64 + 280 + 512, std::string("\xC0\x7F", 2))), "not finite"));
  EXPECT_FALSE(session->Restore(root_.File("missing")).ok());
  EXPECT_FALSE(session->Restore(root_.path()).ok());
  EXPECT_FALSE(session->Save(99, file).ok());
  EXPECT_FALSE(session->Save(lane, root_.File("no/such/folder")).ok());
  EXPECT_EQ(ReadAll(file), good);
}

// Whatever a copy loses or a disk turns over is noticed, and the session goes on without a lane less.
TEST_F(SaveRestore, EveryTruncationAndBitIsNoticed) {
  const auto session = New(1);
  {
    const LaneId lane = *session->NewLane();
    ASSERT_TRUE(session->Append(lane, Ids(70)).ok());
    ASSERT_TRUE(session->Save(lane, root_.File("saved")).ok());
    ASSERT_TRUE(session->CloseLane(lane).ok());
  }
  const std::string good = ReadAll(root_.File("saved"));
  const auto refused = [&](const std::string& content) {
    root_.Write("bad", content);
    const auto restored = session->Restore(root_.File("bad"));
    return !restored.ok() && restored.status().code() == StatusCode::kInvalidInput;
  };
  for (size_t size = 0; size < good.size(); size += 4096) EXPECT_TRUE(refused(good.substr(0, size))) << size;
  for (size_t i = 0; i < 300; ++i) {
    const size_t bit = (i < 64 ? i * 8 : (i * 2654435761u) % good.size() * 8) + i % 8;  // each byte of the header
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(refused(bad)) << bit;
  }
  ASSERT_EQ(mkfifo(root_.File("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(session->Restore(root_.File("pipe")).ok());  // and does not wait for a writer
  EXPECT_TRUE(session->Restore(root_.File("saved")).ok());
}

// Packed weights, other threads, a lane that was forked and rolled back before and after: the same bits.
TEST_F(SaveRestore, PackedWeightsAnyThreadsForksAndRollbacks) {
  const std::string packed = root_.File("packed");
  std::filesystem::create_directory(packed);
  const Status made = PackModel(c_.folder, packed, {.codec = *ParseCodec("int8"), .threads = 1});
  ASSERT_TRUE(made.ok()) << made.message();
  const auto one = MustLoad(packed, Numerics::kDefault, 1), three = MustLoad(packed, Numerics::kDefault, 3);
  const auto session = MustCreate(one, {.context_length = 300, .max_lanes = 3});
  const LaneId lane = *session->NewLane();
  ASSERT_TRUE(session->Append(lane, Ids(100)).ok());
  const LaneId fork = *session->Fork(lane);
  ASSERT_TRUE(session->Append(lane, std::span(c_.ids).subspan(50, 40)).ok());  // the fork's pages stay as they were
  ASSERT_TRUE(session->Rollback(fork, 90).ok());
  ASSERT_TRUE(session->Append(fork, std::span(c_.ids).subspan(90, 10)).ok());
  ASSERT_TRUE(session->Save(fork, root_.File("saved")).ok());
  const auto other = MustCreate(three, {.context_length = 300, .max_lanes = 3});
  const auto restored = other->Restore(root_.File("saved"));
  ASSERT_TRUE(restored.ok()) << restored.status().message();
  const LaneId again = *other->Fork(*restored);
  ASSERT_TRUE(other->Append(*restored, Ids(20)).ok());
  ASSERT_TRUE(other->Rollback(*restored, 64).ok());
  ASSERT_TRUE(other->Append(*restored, std::span(c_.ids).subspan(64, 36)).ok());
  for (int step = 0; step < 3; ++step) {
    const int32_t id = c_.ids[100 + static_cast<size_t>(step)];
    const auto want = After(*session, fork, id);
    EXPECT_EQ(After(*other, again, id), want) << step;
    EXPECT_EQ(After(*other, *restored, id), want) << step;
  }
  ASSERT_TRUE(other->Save(again, root_.File("again")).ok());
  ASSERT_TRUE(session->Save(fork, root_.File("saved")).ok());
  EXPECT_EQ(ReadAll(root_.File("again")), ReadAll(root_.File("saved")));
  // Another codec of the same weights is another model.
  const auto dense = New();
  EXPECT_FALSE(dense->Restore(root_.File("saved")).ok());
}

TEST_F(SaveRestore, AllLanesTaken) {
  const auto session = New(1);
  const LaneId lane = *session->NewLane();
  ASSERT_TRUE(session->Append(lane, Ids(5)).ok());
  ASSERT_TRUE(session->Save(lane, root_.File("saved")).ok());
  EXPECT_FALSE(session->Restore(root_.File("saved")).ok());
}

// LongRoPE turns K by other factors in a session whose context is longer than 256 here: what one saved, the other
// cannot go on with.
TEST(SaveRestoreLongRope, SessionsOfOtherFrequenciesAreRefused) {
  const TempDir root;
  const ParityCase c = LoadParityCase("phi3_longrope", root);
  const auto model = MustLoad(c.folder, Numerics::kDefault);
  const auto saved_by = [&](int64_t context) {
    const auto session = MustCreate(model, {.context_length = context});
    const LaneId lane = *session->NewLane();
    EXPECT_TRUE(session->Append(lane, std::span(c.ids).first(70)).ok());
    const std::string file = root.File("saved" + std::to_string(context));
    EXPECT_TRUE(session->Save(lane, file).ok());
    return file;
  };
  const std::string short_file = saved_by(200), long_file = saved_by(600);
  const auto short_session = MustCreate(model, {.context_length = 256, .max_lanes = 3});
  const auto long_session = MustCreate(model, {.context_length = 257, .max_lanes = 3});
  EXPECT_TRUE(short_session->Restore(short_file).ok());
  EXPECT_TRUE(long_session->Restore(long_file).ok());
  for (const auto& restored : {short_session->Restore(long_file), long_session->Restore(short_file)}) {
    ASSERT_FALSE(restored.ok());
    EXPECT_EQ(restored.status().code(), StatusCode::kInvalidInput);
    EXPECT_NE(restored.status().message().find("belongs to another model"), std::string::npos)
        << restored.status().message();
  }
}

}  // namespace
}  // namespace lacuna
