# What the library itself needs. oneTBB and Threads come from CMake packages; PCRE2 and utf8proc only have pkg-config files.
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
find_path(LACUNA_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(LACUNA_HIGHWAY_INCLUDE hwy/highway.h REQUIRED)  # used header-only

add_library(lacuna_private_deps INTERFACE)
target_link_libraries(lacuna_private_deps INTERFACE Threads::Threads TBB::tbb PkgConfig::PCRE2 PkgConfig::UTF8PROC)
