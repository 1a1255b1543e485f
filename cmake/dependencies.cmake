# What the library itself needs. oneTBB and Threads come from CMake packages; PCRE2 and utf8proc only have pkg-config
# files. Targets are global, so that a project that has lacuna as a subdirectory can link them.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LACUNA_PCRE2 REQUIRED IMPORTED_TARGET GLOBAL libpcre2-8)
pkg_check_modules(LACUNA_UTF8PROC REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL OFF)
find_path(LACUNA_JSON_INCLUDE nlohmann/json.hpp REQUIRED)

# The same four stand in lacunaConfig.cmake.in and lacuna.pc.in.
set(lacuna_link_dependencies Threads::Threads TBB::tbb PkgConfig::LACUNA_PCRE2 PkgConfig::LACUNA_UTF8PROC)

# For tests and tools that look inside the library.
add_library(lacuna_private_deps INTERFACE)
target_link_libraries(lacuna_private_deps INTERFACE ${lacuna_link_dependencies})
