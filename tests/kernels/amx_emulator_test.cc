// The emulator's decoding, addressing and faults. Everything runs twice: by RunAmxBytes (the processor where it has AMX
// and permission, otherwise the handler) and by the emulator's inside; both must fault alike and leave the same memory.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/tile_permission.h"
#include "kernels/amx/tile.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/amx_run.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;
using kernels::TileConfig;

// Readable and writable memory below 2^31, so that 32-bit addresses reach it.
class Arena {
 public:
  static constexpr size_t kSize = 1 << 20;
  Arena() {
    bytes_ = static_cast<uint8_t*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  }
  ~Arena() { munmap(bytes_, kSize); }
  Arena(const Arena&) = delete;
  bool low() const { return middle() < uint64_t{1} << 31; }  // qemu-user 7.2 does not know MAP_32BIT
  bool ok() const { return bytes_ != MAP_FAILED; }
  uint8_t* bytes() { return bytes_; }
  uint64_t middle() const { return reinterpret_cast<uint64_t>(bytes_) + kSize / 2; }
  void Fill(std::mt19937& random) {
    for (size_t i = 0; i < kSize; i += 4) {
      const uint32_t value = random();
      memcpy(bytes_ + i, &value, 4);
    }
  }

 private:
  uint8_t* bytes_;
};

class AmxEmulatorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(arena_.ok());
    printf("amx: %s\n", AmxMode());
  }
  void TearDown() override { RunAmxBytes(AssembleAmx(AmxOp::kTileRelease, 0), gpr_); }

  void Configure(const TileConfig& config) {
    memcpy(arena_.bytes(), &config, 64);
    uint64_t gpr[16] = {reinterpret_cast<uint64_t>(arena_.bytes())};
    const auto code = AssembleAmx(AmxOp::kLdTileCfg, 0, 0, 0, {.base = 0});
    ASSERT_EQ(RunAmxBytes(code, gpr), AmxOutcome::kDone);
    ASSERT_EQ(EmulateAmx(code.data(), gpr, state_).fault, nullptr);
  }

  Arena arena_;
  TileState state_ = {};
  uint64_t gpr_[16] = {};
};

TileConfig FullConfig() {
  TileConfig config{};
  kernels::TileConfigSetFull(&config);
  return config;
}

TEST_F(AmxEmulatorTest, ReportsItsMode) {
  EXPECT_TRUE(RequestTilePermission());
  EXPECT_EQ(TilesAreEmulated(), !AmxIsNative());
  EXPECT_EQ(AmxInstructionCount().has_value(), !AmxIsNative());
}

TEST_F(AmxEmulatorTest, CountsInstructions) {
  if (AmxIsNative()) {
    EXPECT_FALSE(AmxInstructionCount(AmxOp::kTileZero).has_value());
    return;
  }
  const TileConfig config = FullConfig();
  ResetAmxCounts();
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      kernels::TileLoadConfig(&config);
      for (int j = 0; j < 50; ++j) LACUNA_TILE_ZERO(0);
      LACUNA_TILE_DPBSUD(0, 1, 2);
      kernels::TileRelease();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*AmxInstructionCount(AmxOp::kTileZero), 100u);
  EXPECT_EQ(*AmxInstructionCount(AmxOp::kTdpbsud), 2u);
  EXPECT_EQ(*AmxInstructionCount(AmxOp::kTdpbf16ps), 0u);
  EXPECT_EQ(*AmxInstructionCount(AmxOp::kLdTileCfg), 2u);
  ResetAmxCounts();
  EXPECT_EQ(*AmxInstructionCount(), 0u);
}

// The same configuration loaded again zeroes the tiles; each thread has its own.
TEST_F(AmxEmulatorTest, ConfigurationZeroesTilesOfItsThreadOnly) {
  const TileConfig config = FullConfig();
  alignas(64) uint8_t ones[1024], out[1024];
  memset(ones, 1, sizeof(ones));
  kernels::TileLoadConfig(&config);
  LACUNA_TILE_LOAD(3, ones, 64);
  std::thread([&] {
    kernels::TileLoadConfig(&config);
    alignas(64) uint8_t mine[1024];
    LACUNA_TILE_STORE(3, mine, 64);
    for (uint8_t byte : mine) ASSERT_EQ(byte, 0);
    kernels::TileRelease();
  }).join();
  LACUNA_TILE_STORE(3, out, 64);
  EXPECT_EQ(memcmp(out, ones, sizeof(out)), 0);
  kernels::TileLoadConfig(&config);
  LACUNA_TILE_STORE(3, out, 64);
  for (uint8_t byte : out) ASSERT_EQ(byte, 0);
  EXPECT_FALSE(AmxTilesReleased());
  kernels::TileRelease();
  EXPECT_TRUE(AmxTilesReleased());
}

// What the assembler makes of each form, decoded.
TEST_F(AmxEmulatorTest, DecodesAssembledBytes) {
  struct Form {
    std::vector<uint8_t> code;
    AmxOp op;
    int tile, src1, src2, base, index, scale;
    int64_t disp;
  };
  const Form forms[] = {
      {{0xC4, 0xE2, 0x78, 0x49, 0x04, 0x24}, AmxOp::kLdTileCfg, 0, 0, 0, 4, -1, 1, 0},    // (%rsp)
      {{0xC4, 0xE2, 0x78, 0x49, 0x00}, AmxOp::kLdTileCfg, 0, 0, 0, 0, -1, 1, 0},          // (%rax)
      {{0xC4, 0xC2, 0x79, 0x49, 0x45, 0x40}, AmxOp::kStTileCfg, 0, 0, 0, 13, -1, 1, 64},  // 0x40(%r13)
      {{0xC4, 0xE2, 0x78, 0x49, 0xC0}, AmxOp::kTileRelease, 0, 0, 0, -1, -1, 1, 0},
      {{0xC4, 0xE2, 0x7B, 0x49, 0xF8}, AmxOp::kTileZero, 7, 0, 0, -1, -1, 1, 0},                   // tmm7
      {{0xC4, 0xE2, 0x7B, 0x4B, 0x1C, 0x48}, AmxOp::kTileLoad, 3, 0, 0, 0, 1, 2, 0},               // (%rax,%rcx,2)
      {{0xC4, 0x82, 0x79, 0x4B, 0x74, 0xE5, 0x80}, AmxOp::kTileLoadT1, 6, 0, 0, 13, 12, 8, -128},  // -128(%r13,%r12,8)
      {{0xC4, 0xE2, 0x7A, 0x4B, 0x84, 0x2C, 0x00, 0x10, 0x00, 0x00}, AmxOp::kTileStore, 0, 0, 0, 4, 5, 1, 0x1000},
      {{0xC4, 0xE2, 0x7B, 0x4B, 0x0C, 0x25, 0x10, 0, 0, 0}, AmxOp::kTileLoad, 1, 0, 0, -1, -1, 1, 16},  // 0x10
      {{0xC4, 0xE2, 0x6A, 0x5C, 0xC1}, AmxOp::kTdpbf16ps, 0, 1, 2, -1, -1, 1, 0},
      {{0xC4, 0xE2, 0x6B, 0x5E, 0xC1}, AmxOp::kTdpbssd, 0, 1, 2, -1, -1, 1, 0},
      {{0xC4, 0xE2, 0x42, 0x5E, 0xEE}, AmxOp::kTdpbsud, 5, 6, 7, -1, -1, 1, 0},
      {{0xC4, 0xE2, 0x69, 0x5E, 0xC1}, AmxOp::kTdpbusd, 0, 1, 2, -1, -1, 1, 0},
      {{0xC4, 0xE2, 0x68, 0x5E, 0xC1}, AmxOp::kTdpbuud, 0, 1, 2, -1, -1, 1, 0},
  };
  for (const Form& form : forms) {
    AmxInstruction in;
    const char* why = DecodeAmx(form.code.data(), &in);
    ASSERT_EQ(why, nullptr) << AmxOpName(form.op) << ": " << why;
    EXPECT_EQ(in.op, form.op) << AmxOpName(in.op);
    EXPECT_EQ(in.length, static_cast<int>(form.code.size())) << AmxOpName(form.op);
    EXPECT_EQ(in.tile, form.tile);
    EXPECT_EQ(in.src1, form.src1);
    EXPECT_EQ(in.src2, form.src2);
    EXPECT_EQ(in.base, form.base);
    EXPECT_EQ(in.index, form.index);
    EXPECT_EQ(in.scale, form.scale);
    EXPECT_EQ(in.disp, form.disp);
  }
}

// Any base, index, scale and displacement, with prefixes: a load puts the right rows into a tile, and a store back.
TEST_F(AmxEmulatorTest, AddressesEveryForm) {
  const uint32_t seed = 20240917;
  std::mt19937 random(seed);
  TileConfig config = FullConfig();
  kernels::TileConfigSet(&config, 5, 7, 36);
  kernels::TileConfigSet(&config, 6, 1, 64);
  arena_.Fill(random);
  Configure(config);
  uint8_t* const dump = arena_.bytes() + 4096;
  for (int trial = 0; trial < 4000; ++trial) {
    AmxMemory memory;
    memory.base = static_cast<int>(random() % 17) - 1;
    memory.index = static_cast<int>(random() % 17) - 1;
    if (memory.index == 4) memory.index = -1;
    memory.scale_log2 = static_cast<int>(random() % 4);
    constexpr int kDispBytes[] = {0, 1, 4};
    memory.disp_bytes = kDispBytes[random() % 3];
    if (memory.disp_bytes == 0 && (memory.base == 5 || memory.base == 13)) memory.disp_bytes = 1;
    memory.address32 = random() % 4 == 0;
    if (!arena_.low()) {
      memory.address32 = false;
      if (memory.base < 0) memory.base = 9;
    }
    constexpr int kSegments[] = {0, 0, 0, 0x26, 0x2E, 0x36, 0x3E};
    memory.segment = kSegments[random() % 7];
    const uint64_t address = arena_.middle() + random() % 4096;
    memory.disp = memory.disp_bytes == 1   ? static_cast<int8_t>(random())
                  : memory.disp_bytes == 4 ? static_cast<int32_t>(random() % 200000) - 100000
                                           : 0;
    if (memory.base < 0) memory.disp = static_cast<int32_t>(address);
    int64_t stride = static_cast<int64_t>(random() % 512) - 256;
    const bool same = memory.base >= 0 && memory.base == memory.index;
    const int tile = same ? 6 : static_cast<int>(random() % 7);
    uint64_t gpr[16];
    for (auto& r : gpr) r = uint64_t{random()} << 32 | random();
    if (memory.index >= 0) gpr[memory.index] = static_cast<uint64_t>(stride);
    stride = memory.index < 0 ? 0 : stride << memory.scale_log2;
    if (memory.base >= 0) gpr[memory.base] = address - memory.disp;
    if (memory.address32) {  // the upper halves do not matter
      if (memory.base >= 0) gpr[memory.base] ^= uint64_t{0x5a5a5a5a} << 32;
    }
    const bool streaming = random() % 2;
    const auto load = AssembleAmx(streaming ? AmxOp::kTileLoadT1 : AmxOp::kTileLoad, tile, 0, 0, memory);
    const auto store = AssembleAmx(AmxOp::kTileStore, tile, 0, 0, memory);
    const auto dump_store = AssembleAmx(AmxOp::kTileStore, tile, 0, 0, {.base = 0, .index = 1});
    const uint64_t dump_gpr[16] = {reinterpret_cast<uint64_t>(dump), 64};
    SCOPED_TRACE(::testing::Message() << "seed " << seed << " trial " << trial << " base " << memory.base << " index "
                                      << memory.index << " scale " << memory.scale_log2 << " disp " << memory.disp
                                      << "/" << memory.disp_bytes << " a32 " << memory.address32 << " tile " << tile);
    const int rows = config.rows[tile], bytes = config.colsb[tile];
    uint8_t want[16][64];
    for (int r = 0; r < rows; ++r) memcpy(want[r], reinterpret_cast<const void*>(address + r * stride), bytes);

    memset(dump, 0, 1024);
    ASSERT_EQ(RunAmxBytes(load, gpr), AmxOutcome::kDone);
    ASSERT_EQ(RunAmxBytes(dump_store, dump_gpr), AmxOutcome::kDone);
    for (int r = 0; r < rows; ++r) ASSERT_EQ(memcmp(dump + 64 * r, want[r], bytes), 0) << "row " << r;

    memset(dump, 0, 1024);
    ASSERT_EQ(EmulateAmx(load.data(), gpr, state_).fault, nullptr);
    ASSERT_EQ(EmulateAmx(dump_store.data(), dump_gpr, state_).fault, nullptr);
    for (int r = 0; r < rows; ++r) ASSERT_EQ(memcmp(dump + 64 * r, want[r], bytes), 0) << "row " << r;

    if (std::abs(stride) < bytes) continue;  // rows overlap
    for (int r = 0; r < rows; ++r) memset(reinterpret_cast<void*>(address + r * stride), 0xEE, bytes);
    ASSERT_EQ(RunAmxBytes(store, gpr), AmxOutcome::kDone);
    for (int r = 0; r < rows; ++r) {
      ASSERT_EQ(memcmp(reinterpret_cast<void*>(address + r * stride), want[r], bytes), 0) << "row " << r;
    }
  }
}

// Random prefix, opcode and ModRM: #UD for exactly the same bytes.
TEST_F(AmxEmulatorTest, RefusesTheSameEncodings) {
  const uint32_t seed = 7;
  std::mt19937 random(seed);
  TileConfig config{};
  for (int t = 0; t < 8; ++t) kernels::TileConfigSet(&config, t, 1, 4);
  int accepted = 0;
  for (int trial = 0; trial < (AmxIsNative() ? 100000 : 30000); ++trial) {
    // On a processor with AMX but without permission these three run natively and cannot disturb; reload before each.
    Configure(config);
    constexpr uint8_t kOpcodes[] = {0x49, 0x4B, 0x5C, 0x5E};
    const bool tame = random() % 2;  // mostly right, so that accepted forms are frequent
    uint8_t byte1 = static_cast<uint8_t>(random() << 5 | 2), byte2 = static_cast<uint8_t>(random());
    if (tame) byte1 |= 0xE0, byte2 &= 0x7B;
    if (tame && random() % 2) byte2 |= 0x78;
    std::vector<uint8_t> code = {0xC4, byte1, byte2, kOpcodes[random() % 4], static_cast<uint8_t>(random())};
    if (tame && code[3] == 0x4B) code[4] = static_cast<uint8_t>(((code[4] & 0xC7) | 4) & (random() % 2 ? 0x7F : 0xFF));
    if (tame && random() % 2 && code[3] >= 0x5C) code[4] |= 0xC0;
    constexpr uint8_t kPrefixes[] = {0x66, 0xF2, 0xF3, 0xF0, 0x40, 0x48, 0x26, 0x67};
    if (random() % 16 == 0) code.insert(code.begin(), kPrefixes[random() % 8]);
    for (int i = 0; i < 5; ++i) code.push_back(static_cast<uint8_t>(random() % 32));  // SIB and displacement
    uint64_t gpr[16];
    for (auto& r : gpr) r = arena_.middle();
    AmxInstruction in;
    const char* why = DecodeAmx(code.data(), &in);
    if (why && !strcmp(why, "opcode 5C with this prefix is not TDPBF16PS")) continue;  // TDPFP16PS on newer processors
    if (!why) code.resize(in.length);
    const bool dot = !why && in.op >= AmxOp::kTdpbf16ps;
    const bool refuse = why || (dot && (in.tile == in.src1 || in.tile == in.src2 || in.src1 == in.src2));
    const AmxOutcome outcome = RunAmxBytes(code, gpr);  // a bad address or configuration is SIGSEGV: accepted here
    // Where LDTILECFG traps too, the handler has only SIGILL for a bad configuration.
    if (!why && in.op == AmxOp::kLdTileCfg && !AmxIsNative()) continue;
    if (outcome != AmxOutcome::kSigill) ++accepted;
    std::string hex;
    for (uint8_t byte : code) {
      char text[4];
      snprintf(text, sizeof(text), "%02x ", byte);
      hex += text;
    }
    ASSERT_EQ(outcome == AmxOutcome::kSigill, refuse) << hex << ": " << (why ? why : AmxOpName(in.op));
  }
  EXPECT_GT(accepted, 1000);
}

TileConfig RandomConfig(std::mt19937& random) {
  TileConfig config{};
  config.palette = 1;
  if (random() % 2) {  // shapes that fit each other: C 0..2, A 3..5, B 6..7
    const int m = 1 + random() % 16, k = 1 + random() % 16, n = 1 + random() % 16;
    for (int t = 0; t < 8; ++t) kernels::TileConfigSet(&config, t, t < 6 ? m : k, 4 * (t < 3 || t > 5 ? n : k));
  } else {
    for (int t = 0; t < 8; ++t) {
      if (random() % 4) kernels::TileConfigSet(&config, t, 1 + random() % 16, 1 + random() % 64);
    }
  }
  auto* bytes = reinterpret_cast<uint8_t*>(&config);
  if (random() % 6 == 0) bytes[random() % 64] = static_cast<uint8_t>(random() % 20);  // any field wrong
  if (random() % 8 == 0) config.start_row = static_cast<uint8_t>(random() % 18);
  return config;
}

// Random programs on random configurations: the same faults, and the same memory at every store.
TEST_F(AmxEmulatorTest, RunsRandomPrograms) {
  const uint32_t seed = 99;
  std::mt19937 random(seed);
  const int programs = AmxIsNative() ? 20000 : 2000;
  int faults = 0, done = 0;
  uint8_t* const data = arena_.bytes() + 8192;
  uint8_t* const out = arena_.bytes() + 65536;
  arena_.Fill(random);
  for (size_t i = 0; i < 32768; i += 4) {  // ordinary numbers as bf16, anything as bytes: no NaN, so bits must agree
    const uint32_t value = (random() & 0x807f807f) | (0x3e003e00 + (random() & 0x01800180));
    memcpy(data + i, &value, 4);
  }
  for (int program = 0; program < programs; ++program) {
    const TileConfig config = RandomConfig(random);
    std::string log;
    for (int step = 0; step < 12; ++step) {
      auto op = static_cast<AmxOp>(random() % kAmxOps);
      if (step == 0) op = AmxOp::kLdTileCfg;
      if (step && (op == AmxOp::kLdTileCfg || op == AmxOp::kTileRelease) && random() % 4) op = AmxOp::kTileLoad;
      if (op == AmxOp::kStTileCfg && !AmxIsNative()) op = AmxOp::kTileStore;  // shows the handler's mark
      int tile = random() % 8, src1 = random() % 8, src2 = random() % 8;
      if (random() % 2) tile = random() % 3, src1 = 3 + random() % 3, src2 = 6 + random() % 2;
      const bool config_op = op == AmxOp::kLdTileCfg || op == AmxOp::kStTileCfg;
      const bool dot = op >= AmxOp::kTdpbf16ps;
      const auto code = AssembleAmx(op, config_op || op == AmxOp::kTileRelease ? 0 : tile, dot ? src1 : 0,
                                    dot ? src2 : 0, {.base = 7, .index = config_op ? -1 : 6});
      log += std::string(" ") + AmxOpName(op) + "(" + std::to_string(tile) + "," + std::to_string(src1) + "," +
             std::to_string(src2) + ")";
      uint64_t gpr[16] = {};
      const bool writes = op == AmxOp::kStTileCfg || op == AmxOp::kTileStore;
      if (op == AmxOp::kLdTileCfg) memcpy(arena_.bytes(), &config, 64);
      gpr[7] = reinterpret_cast<uint64_t>(writes                    ? out
                                          : op == AmxOp::kLdTileCfg ? arena_.bytes()
                                                                    : data + random() % 16384);
      gpr[6] = 64 + random() % 3 * 64;
      SCOPED_TRACE(::testing::Message() << "seed " << seed << " program " << program << log);
      memset(out, 0xCC, 4096);
      const AmxOutcome outcome = RunAmxBytes(code, gpr);
      std::vector<uint8_t> first(out, out + 4096);
      memset(out, 0xCC, 4096);
      const AmxStep emulated = EmulateAmx(code.data(), gpr, state_);
      const AmxOutcome want = !emulated.fault                                  ? AmxOutcome::kDone
                              : emulated.protection && op == AmxOp::kLdTileCfg ? AmxOutcome::kSigsegv
                                                                               : AmxOutcome::kSigill;
      // Without AMX the handler has only SIGILL to give.
      const bool both_fault = !AmxIsNative() && want != AmxOutcome::kDone && outcome != AmxOutcome::kDone;
      ASSERT_TRUE(outcome == want || both_fault)
          << "outcome " << static_cast<int>(outcome) << ", emulator: " << (emulated.fault ? emulated.fault : "done");
      ASSERT_EQ(memcmp(first.data(), out, 4096), 0);
      ++(emulated.fault ? faults : done);
    }
    const auto release = AssembleAmx(AmxOp::kTileRelease, 0);
    RunAmxBytes(release, gpr_);
    EmulateAmx(release.data(), gpr_, state_);
  }
  EXPECT_GT(faults, programs / 10);
  EXPECT_GT(done, programs);
}

// One of each condition, by name.
TEST_F(AmxEmulatorTest, FaultsOnEachCondition) {
  auto fault = [&](const TileConfig& config, const std::vector<uint8_t>& code) -> const char* {
    TileState state = {};
    if (const char* why = LoadTileConfig(state, reinterpret_cast<const uint8_t*>(&config))) return why;
    uint64_t gpr[16];
    for (auto& r : gpr) r = arena_.middle();
    gpr[1] = 64;
    return EmulateAmx(code.data(), gpr, state).fault;
  };
  const TileConfig full = FullConfig();
  const auto dot = AssembleAmx(AmxOp::kTdpbf16ps, 0, 1, 2);
  const auto load = AssembleAmx(AmxOp::kTileLoad, 0, 0, 0, {.base = 0, .index = 1});
  EXPECT_EQ(fault(full, dot), nullptr);
  EXPECT_EQ(fault(full, load), nullptr);
  EXPECT_STREQ(fault(TileConfig{}, dot), "no tile configuration is loaded");
  EXPECT_STREQ(fault(full, AssembleAmx(AmxOp::kTdpbssd, 0, 1, 1)), "two operands are the same tile");
  EXPECT_STREQ(fault(full, AssembleAmx(AmxOp::kTdpbssd, 0, 0, 1)), "two operands are the same tile");
  EXPECT_STREQ(fault(full, AssembleAmx(AmxOp::kTdpbssd, 0, 1, 0)), "two operands are the same tile");
  EXPECT_STREQ(fault(full, AssembleAmx(AmxOp::kTdpbssd, 0, 1, 9)), "a tile number above 7");

  auto with = [&](int tile, int rows, int colsb) {
    TileConfig config = FullConfig();
    kernels::TileConfigSet(&config, tile, rows, colsb);
    return config;
  };
  EXPECT_STREQ(fault(with(0, 15, 64), dot), "destination and first source differ in rows");
  EXPECT_STREQ(fault(with(0, 16, 60), dot), "destination and second source differ in row bytes");
  EXPECT_STREQ(fault(with(1, 16, 60), dot), "row bytes / 4 of the first source are not the second's rows");
  EXPECT_STREQ(fault(with(1, 16, 62), dot), "the tile's row bytes are no multiple of 4");
  EXPECT_STREQ(fault(with(0, 16, 62), load), "the tile's row bytes are no multiple of 4");
  EXPECT_STREQ(fault(with(0, 0, 0), load), "the tile is not configured");
  EXPECT_STREQ(fault(with(0, 17, 64), load), "a tile of more than 16 rows");
  EXPECT_STREQ(fault(with(0, 16, 65), load), "a tile row of more than 64 bytes");
  EXPECT_STREQ(fault(with(0, 0, 64), load), "a tile has rows without bytes or bytes without rows");
  EXPECT_STREQ(fault(with(8, 16, 64), load), "a tile above 7 is configured");
  TileConfig config = FullConfig();
  config.palette = 2;
  EXPECT_STREQ(fault(config, load), "palette above 1");
  config = FullConfig();
  config.reserved[5] = 1;
  EXPECT_STREQ(fault(config, load), "a reserved byte of the configuration is not 0");
  config = FullConfig();
  config.start_row = 16;
  EXPECT_STREQ(fault(config, load), "start_row is not below the tile's rows");
}

// A fault that nobody handles ends the process at the instruction.
TEST(AmxEmulatorDeathTest, UnhandledFaultKills) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        InstallAmxEmulator();
        __asm__ volatile("tilezero %tmm0");  // no configuration
      },
      ::testing::KilledBySignal(SIGILL), "");
}

}  // namespace
}  // namespace lacuna
