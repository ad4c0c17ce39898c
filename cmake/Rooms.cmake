# A room is a folder of the house, built twice from the same sources: once for the host, where the tools and the
# tests use it (pvboot_<room>), and once freestanding, for the loader (pvboot_<room>_loader).
#
#   pvboot_room(NAME [SOURCES ...] [HOST_SOURCES ...] [LOADER_SOURCES ...] [DEPENDS room ...] [HOST_LIBS ...])
#
# SOURCES are in both builds. DEPENDS name the rooms whose headers may be included.

add_library(pvboot_warnings INTERFACE)
target_compile_options(pvboot_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
    -Woverloaded-virtual -Wundef -Werror>
  # GCC 12 sees an impossible overlap in std::string's operator+ [gcc bug 105651].
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

add_library(pvboot_host INTERFACE)
target_include_directories(pvboot_host INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(pvboot_host INTERFACE pvboot_warnings)
if(PVBOOT_SANITIZE)
  target_compile_options(pvboot_host INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(pvboot_host INTERFACE -fsanitize=address,undefined)
endif()
if(PVBOOT_FUZZ)
  target_compile_options(pvboot_host INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(pvboot_host INTERFACE -fsanitize=address,undefined)
endif()

# Freestanding: Xen bounces exceptions onto the current stack and skips no red zone; there is no unwinder, no
# thread, no run-time linker. -fPIE because the link address is above 2 GiB. One unmapped page ends the stack, and no
# function may step over it.
add_library(pvboot_freestanding INTERFACE)
target_include_directories(pvboot_freestanding INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(pvboot_freestanding INTERFACE pvboot_warnings)
target_compile_options(pvboot_freestanding INTERFACE
  -fPIE -mno-red-zone -fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables
  -fstack-clash-protection -Wframe-larger-than=8192
  -ffunction-sections -fdata-sections -fvisibility=hidden -fcf-protection=none -U_FORTIFY_SOURCE -O2 -g
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit>)

function(pvboot_room name)
  cmake_parse_arguments(arg "" "" "SOURCES;HOST_SOURCES;LOADER_SOURCES;DEPENDS;HOST_LIBS" ${ARGN})
  add_library(pvboot_${name} STATIC ${arg_SOURCES} ${arg_HOST_SOURCES})
  target_link_libraries(pvboot_${name} PUBLIC pvboot_host ${arg_HOST_LIBS})
  foreach(dependency ${arg_DEPENDS})
    target_link_libraries(pvboot_${name} PUBLIC pvboot_${dependency})
  endforeach()
  if(NOT PVBOOT_FUZZ AND NOT PVBOOT_SANITIZE)
    add_library(pvboot_${name}_loader STATIC ${arg_SOURCES} ${arg_LOADER_SOURCES})
    target_link_libraries(pvboot_${name}_loader PUBLIC pvboot_freestanding)
    foreach(dependency ${arg_DEPENDS})
      target_link_libraries(pvboot_${name}_loader PUBLIC pvboot_${dependency}_loader)
    endforeach()
  endif()
endfunction()

# pvboot_fuzz(NAME SOURCE room ...): a libFuzzer target over the rooms, built only with PVBOOT_FUZZ; its seeds are
# in tests/fuzz/corpus/NAME.
function(pvboot_fuzz name source)
  if(PVBOOT_FUZZ)
    add_executable(fuzz_${name} ${source})
    foreach(room ${ARGN})
      target_link_libraries(fuzz_${name} PRIVATE pvboot_${room})
    endforeach()
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
