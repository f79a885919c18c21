# What is built of llama.cpp beside the library that llama-cpp-python wraps: its server, as one more file of the same
# wheel. build_engine.py hands this file to CMake as CMAKE_PROJECT_llama_cpp_INCLUDE; it is read at the wheel's own
# project() and acts when all targets are known. CMake 3.19 has cmake_language(DEFER), the wheel's build asks for 3.21.

set(HEFT_PROGRAMS llama-server)

# Every other program below tools/ is left out of the build: what a kept one needs is built as its dependency.
function(heft_leave_out folder)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
        if(NOT target IN_LIST HEFT_PROGRAMS)
            set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
        endif()
    endforeach()
    get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    foreach(each ${below})
        heft_leave_out(${each})
    endforeach()
endfunction()

function(heft_install_programs)
    heft_leave_out(${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/tools)
    foreach(target ${HEFT_PROGRAMS} llama-server-impl llama-common mtmd)
        llama_cpp_python_install_target(${target}) # beside the libraries, with a search path that leads there
    endforeach()
endfunction()

cmake_language(DEFER CALL heft_install_programs)
