# Finds the C++ Actor Framework 0.17 as Debian and Ubuntu package it (libcaf-dev): it ships neither
# a CMake package nor a pkg-config file. Defines CAF::core and CAF::io. Other versions are refused:
# their interfaces differ (0.18 has other inspectors, message types and promises).
find_path(CAF_INCLUDE_DIR caf/actor.hpp)
find_library(CAF_CORE_LIBRARY caf_core)
find_library(CAF_IO_LIBRARY caf_io)
mark_as_advanced(CAF_INCLUDE_DIR CAF_CORE_LIBRARY CAF_IO_LIBRARY)

if(CAF_INCLUDE_DIR)
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" _caf_version REGEX "#define CAF_VERSION [0-9]+")
  if(_caf_version MATCHES "CAF_VERSION ([0-9]+)") # major * 10000 + minor * 100 + patch
    math(EXPR _caf_major "${CMAKE_MATCH_1} / 10000")
    math(EXPR _caf_minor "${CMAKE_MATCH_1} / 100 % 100")
    math(EXPR _caf_patch "${CMAKE_MATCH_1} % 100")
    set(CAF_VERSION "${_caf_major}.${_caf_minor}.${_caf_patch}")
  endif()
endif()

# A version that cannot be read is not 0.17 either: newer ones keep it in another header.
set(_caf_reason "")
set(CAF_VERSION_IS_0_17 FALSE)
if(CAF_VERSION VERSION_GREATER_EQUAL 0.17 AND CAF_VERSION VERSION_LESS 0.18)
  set(CAF_VERSION_IS_0_17 TRUE)
elseif(CAF_INCLUDE_DIR)
  if(NOT CAF_VERSION)
    set(CAF_VERSION "of unknown version")
  endif()
  set(_caf_reason
      "The C++ Actor Framework in ${CAF_INCLUDE_DIR} is ${CAF_VERSION}, and Darkroom needs 0.17 (libcaf-dev of Debian 12, Debian 13 or Ubuntu 24.04).")
else()
  set(_caf_reason
      "The C++ Actor Framework was not found, and Darkroom needs 0.17 (libcaf-dev of Debian 12, Debian 13 or Ubuntu 24.04).")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  CAF
  REQUIRED_VARS CAF_CORE_LIBRARY CAF_IO_LIBRARY CAF_INCLUDE_DIR CAF_VERSION_IS_0_17
  REASON_FAILURE_MESSAGE "${_caf_reason}")

if(CAF_FOUND AND NOT TARGET CAF::core)
  add_library(CAF::core SHARED IMPORTED)
  set_target_properties(
    CAF::core PROPERTIES IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
                         INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}")
  # Without it an unregistered type compiles, works locally and arrives empty over the network.
  target_compile_definitions(CAF::core INTERFACE CAF_ENABLE_TYPE_ID_CHECKS)
  add_library(CAF::io SHARED IMPORTED)
  set_target_properties(CAF::io PROPERTIES IMPORTED_LOCATION "${CAF_IO_LIBRARY}"
                                           INTERFACE_LINK_LIBRARIES CAF::core)
endif()
