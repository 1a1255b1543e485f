// The CUDA backend's door. Without a CUDA build the stub answers, so callers need no #ifdef.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "lacuna/status.h"

namespace lacuna {

// A backend on the first GPU. kInvalidInput when this build or this machine has no CUDA.
Result<std::unique_ptr<Backend>> CreateCudaBackend();

}  // namespace lacuna
