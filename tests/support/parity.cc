#include "tests/support/parity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/paths.h"

namespace lacuna::testing {
namespace {

namespace fs = std::filesystem;

nlohmann::json ReadJson(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return nlohmann::json::parse(file);
}

const nlohmann::json& Manifest() {
  static const nlohmann::json manifest = ReadJson(DataPath("parity/manifest.json"));
  return manifest;
}

}  // namespace

std::vector<std::string> ParityCaseNames() {
  std::vector<std::string> names;
  for (const auto& c : Manifest()["cases"]) names.push_back(c["name"]);
  return names;
}

ParityCase LoadParityCase(const std::string& name, const TempDir& root) {
  ParityCase out;
  for (const auto& c : Manifest()["cases"]) {
    if (c["name"] != name) continue;
    out.name = name;
    out.what = c["what"];
    out.folder = root.path() + "/" + name;
    fs::create_directory(out.folder);
    fs::copy_file(DataPath("parity/" + c["config"].get<std::string>()), out.folder + "/config.json");
    for (const auto& [file, source] : c["files"].items()) {
      fs::create_symlink(DataPath("parity/" + source.get<std::string>()), out.folder + "/" + file);
    }
    out.ids = ReadJson(DataPath("parity/ids.json"))[c["text"].get<std::string>()].get<std::vector<int32_t>>();
    out.ids.resize(c["length"]);
    out.positions = c["positions"].get<std::vector<int>>();
    out.probe_ids = c["probe_ids"].get<std::vector<int32_t>>();
    std::ifstream file(DataPath("parity/" + c["expected"].get<std::string>()), std::ios::binary);
    const auto read = [&](auto& values, std::size_t n) {
      values.resize(n);
      file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(n * 4));
    };
    read(out.next, out.ids.size() - 1);
    read(out.probes, out.positions.size() * out.probe_ids.size());
    read(out.top, out.positions.size() * 2);
    read(out.top_ids, out.positions.size() * 2);
    EXPECT_TRUE(file) << name << ": expected.bin is short";
  }
  EXPECT_EQ(out.name, name) << "no such case";
  return out;
}

std::shared_ptr<const Model> MustLoad(const std::string& folder, Numerics numerics, int threads) {
  ModelOptions options;
  options.numerics = numerics;
  options.threads = threads;
  auto model = Model::Load(folder, options);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

std::unique_ptr<Session> MustCreate(std::shared_ptr<const Model> model, const SessionOptions& options) {
  auto session = Session::Create(std::move(model), options);
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? *std::move(session) : nullptr;
}

std::vector<std::vector<float>> AllLogits(Session& session, const std::vector<int32_t>& ids, int piece) {
  std::vector<std::vector<float>> all;
  const auto lane = session.NewLane();
  EXPECT_TRUE(lane.ok());
  std::vector<PassRow> rows;
  for (std::size_t at = 0; at < ids.size(); at += static_cast<std::size_t>(piece)) {
    rows.clear();
    for (std::size_t i = at; i < std::min(at + static_cast<std::size_t>(piece), ids.size()); ++i) {
      rows.push_back({.token = ids[i], .lane = *lane, .want_logits = true});
    }
    const auto logits = session.Run(rows);
    EXPECT_TRUE(logits.ok()) << logits.status().message();
    if (!logits.ok()) return all;
    EXPECT_TRUE(session.Commit(*lane).ok());
    for (int i = 0; i < logits->rows(); ++i) all.emplace_back((*logits)[i].begin(), (*logits)[i].end());
  }
  EXPECT_TRUE(session.CloseLane(*lane).ok());
  return all;
}

NextErrors ErrorsOfNext(const std::vector<std::vector<float>>& logits, const std::vector<int32_t>& ids,
                        const std::vector<double>& next) {
  NextErrors errors;
  for (std::size_t i = 0; i < next.size(); ++i) {
    const std::vector<float>& row = logits[i];
    const double most = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float x : row) sum += std::exp(x - most);
    const double got = row[static_cast<std::size_t>(ids[i + 1])] - most - std::log(sum);
    const double error = std::abs(got - next[i]) / std::max(1.0, std::abs(next[i]));
    errors.worst = std::max(errors.worst, error);
    errors.mean += error / static_cast<double>(next.size());
  }
  return errors;
}

}  // namespace lacuna::testing
