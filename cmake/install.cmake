# find_package(beforehand CONFIG) gives beforehand::ranges: C++20, without Python, and without RocksDB, whose headers and
# flags are those of the program that includes ours.
include(CMakePackageConfigHelpers)
file(STRINGS pyproject.toml version REGEX "^version = ")
string(REGEX MATCH "[0-9.]+" version "${version}")
set(place lib/cmake/beforehand)

target_compile_features(beforehand_ranges PUBLIC cxx_std_20)
set_target_properties(beforehand_ranges PROPERTIES EXPORT_NAME ranges)
install(TARGETS beforehand_ranges EXPORT beforehandTargets ARCHIVE DESTINATION lib)
install(EXPORT beforehandTargets NAMESPACE beforehand:: DESTINATION ${place})
install(DIRECTORY native/support native/ranges native/rocksdb DESTINATION include/beforehand
        FILES_MATCHING PATTERN "*.h" PATTERN "database.h" EXCLUDE PATTERN "statuses.h" EXCLUDE)

file(CONFIGURE OUTPUT beforehandConfig.cmake
     CONTENT [[include("${CMAKE_CURRENT_LIST_DIR}/beforehandTargets.cmake")]] @ONLY)
write_basic_package_version_file(beforehandConfigVersion.cmake VERSION ${version} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/beforehandConfig.cmake ${PROJECT_BINARY_DIR}/beforehandConfigVersion.cmake
        DESTINATION ${place})
