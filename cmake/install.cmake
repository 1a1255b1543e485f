# Package files: find_package(lacuna CONFIG) gives lacuna::lacuna, pkg-config gives `lacuna`. Both are relocatable.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS lacuna EXPORT lacunaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lacuna DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(LACUNA_BUILD_TOOLS)
  install(TARGETS lacuna_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(lacuna_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lacuna)
install(EXPORT lacunaTargets NAMESPACE lacuna:: DESTINATION ${lacuna_cmake_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lacunaConfig.cmake.in ${PROJECT_BINARY_DIR}/lacunaConfig.cmake
                              INSTALL_DESTINATION ${lacuna_cmake_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lacunaConfig.cmake ${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake
        DESTINATION ${lacuna_cmake_dir})

# The .pc file finds its prefix from where it lies, so an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE lacuna_pc_libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}"
           OUTPUT_VARIABLE lacuna_pc_includedir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig"
           OUTPUT_VARIABLE lacuna_pc_prefix)
configure_file(${PROJECT_SOURCE_DIR}/cmake/lacuna.pc.in ${PROJECT_BINARY_DIR}/lacuna.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lacuna.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
