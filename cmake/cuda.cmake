# The CUDA backend. Callers never see which one they have: a *_cuda.cc or src/backend/cuda file that needs no toolkit
# links in every build, and .cu files join it when LACUNA_CUDA is on.
if(LACUNA_CUDA)
  file(GLOB_RECURSE lacuna_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cu
       ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu)
  if(NOT lacuna_cuda_sources)
    message(FATAL_ERROR "LACUNA_CUDA is ON, but version ${lacuna_version} has no CUDA sources: set it to OFF")
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  target_sources(lacuna PRIVATE ${lacuna_cuda_sources})
  target_link_libraries(lacuna PRIVATE CUDA::cudart_static)
endif()
