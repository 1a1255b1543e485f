#include "backend/cuda/cuda_backend.h"

namespace lacuna {

Result<std::unique_ptr<Backend>> CreateCudaBackend() {
  return InvalidInput("the CUDA backend was asked for, but this build of lacuna has none: use the CPU backend");
}

}  // namespace lacuna
