# Flags of our own files only: an interface library used PRIVATE, so that nothing leaks to users of lacuna::lacuna.
add_library(lacuna_flags INTERFACE)
target_compile_options(lacuna_flags INTERFACE
  -march=x86-64-v2         # the baseline; more only in kernels/
  -ffp-contract=off        # the numeric contract: an fma only where the source says so
  -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # g++ 12 warns falsely about std::string operator+
if(LACUNA_SANITIZE)
  target_compile_options(lacuna_flags INTERFACE -fsanitize=${LACUNA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(lacuna_flags INTERFACE -fsanitize=${LACUNA_SANITIZE})
endif()
if(LACUNA_BUILD_FUZZERS)
  target_compile_options(lacuna_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
