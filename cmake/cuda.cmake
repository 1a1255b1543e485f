# The CUDA backend. Callers never see which build they have: cuda_stub.cc answers for the backend, and with LACUNA_CUDA
# the .cu files take its place.
if(LACUNA_CUDA)
  file(GLOB_RECURSE lacuna_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cu
       ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu)
  if(NOT lacuna_cuda_sources)
    message(FATAL_ERROR "LACUNA_CUDA is ON, but lacuna ${PROJECT_VERSION} has no CUDA sources: set it to OFF")
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  list(FILTER lacuna_sources EXCLUDE REGEX "cuda_stub\\.cc$")
  list(APPEND lacuna_sources ${lacuna_cuda_sources})
  list(APPEND lacuna_link_dependencies CUDA::cudart_static)
endif()
