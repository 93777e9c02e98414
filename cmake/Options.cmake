# Compiler options that every room shares.
add_library(darkroom_options INTERFACE)
target_include_directories(darkroom_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(
  darkroom_options
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
            -Wimplicit-fallthrough -Werror)
# Designated initialisers leave out what has a default; libjpeg's and libpng's macros use old casts.
target_compile_options(darkroom_options INTERFACE -Wno-missing-field-initializers)

# GCC 12 reports std::string's operator+ as overlapping itself (GCC bug 105329).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(darkroom_options INTERFACE -Wno-restrict)
endif()

# A unity unit includes sources of one module, so that warning takes what stands in anonymous
# namespaces for something out of a header. Builds without unity still warn of headers.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(darkroom_options INTERFACE -Wno-subobject-linkage)
endif()

# For code that reads settings and answers requests: the optimiser takes most of its compile time,
# and -O1 takes 40 % less than -O3. It decides nothing there. Pixels (codecs), the journal
# (persistence) and the actors keep -O3: with -O1, 13 % fewer files a second go through the actors.
set(DARKROOM_LIGHT_OPTIMISATION "$<$<CONFIG:Release>:-O1>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O1, GCC 12 inlines Asio's operator new but not its operator delete, and takes them for a
  # mismatch. Coroutines of Asio are everywhere, so that the warning says nothing here.
  list(APPEND DARKROOM_LIGHT_OPTIMISATION "$<$<CONFIG:Release>:-Wno-mismatched-new-delete>")
endif()

set(DARKROOM_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
if(DARKROOM_SANITIZE)
  # CAF calls members of empty handles by design: UBSan's null check would report each.
  add_compile_options(-fsanitize=${DARKROOM_SANITIZE} -fno-sanitize=null -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DARKROOM_SANITIZE})
  add_compile_definitions(DARKROOM_SANITIZED=1)
endif()

option(DARKROOM_FUZZ "Build the program for libFuzzer; needs clang" OFF)
if(DARKROOM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

# room(NAME SOURCES…): one library with the shared options.
function(room name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC darkroom_options)
endfunction()
