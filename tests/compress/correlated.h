// Inputs of a layer as models have them: correlated, some a hundred times larger than others.
#pragma once

#include <cmath>
#include <vector>

#include "backend/cpu/gemm.h"
#include "compress/hessian.h"
#include "tests/support/data.h"

namespace lacuna::testing {

// [tokens][k]: a few hidden causes mixed into all inputs, noise, and sizes over a factor of 30.
inline std::vector<float> CorrelatedInputs(int64_t tokens, int64_t k, uint64_t seed) {
  Random random(TestSeed(seed));
  const int64_t causes = std::max<int64_t>(1, k / 4);
  const std::vector<float> mix = UniformFloats(static_cast<std::size_t>(causes * k), -1, 1, random);
  std::vector<float> sizes(static_cast<std::size_t>(k)), x(static_cast<std::size_t>(tokens * k));
  for (float& s : sizes) s = std::exp2(UniformIn(random, -3, 2));
  for (int64_t t = 0; t < tokens; ++t) {
    const std::vector<float> cause = UniformFloats(static_cast<std::size_t>(causes), -1, 1, random);
    for (int64_t j = 0; j < k; ++j) {
      float sum = UniformIn(random, -1, 1);
      for (int64_t c = 0; c < causes; ++c)
        sum += cause[static_cast<std::size_t>(c)] * mix[static_cast<std::size_t>(c * k + j)];
      x[static_cast<std::size_t>(t * k + j)] =
          sum * sizes[static_cast<std::size_t>(j)] / static_cast<float>(std::sqrt(causes));
    }
  }
  return x;
}

inline Hessian HessianOf(const std::vector<float>& x, int64_t k) {
  auto hessian = Hessian::Create("the test's input", k, GemmTileFor(Tier::kSimd));
  hessian->Add(F32View(const_cast<float*>(x.data()), static_cast<int64_t>(x.size()) / k, k));
  if (!hessian->Finish().ok()) std::abort();
  return *std::move(hessian);
}

// H + damping * mean(diagonal), columns in `order` (empty: as they are), in double precision.
inline std::vector<double> DampedHessian(const Hessian& hessian, const std::vector<int32_t>& order, double damping) {
  const int64_t k = hessian.k();
  double mean = 0;
  for (float d : hessian.diagonal()) mean += d / static_cast<double>(k);
  std::vector<double> a(static_cast<std::size_t>(k * k));
  const auto source = [&](int64_t j) { return order.empty() ? j : order[static_cast<std::size_t>(j)]; };
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      a[static_cast<std::size_t>(i * k + j)] =
          hessian.matrix().Row(source(i))[source(j)] + (i == j ? damping * mean : 0);
    }
  }
  return a;
}

}  // namespace lacuna::testing
