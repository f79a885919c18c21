# What is built of llama.cpp beside the library that llama-cpp-python wraps: its server, as one more file of the same
# wheel, with Heft's hand on it (control.cpp, typed_text.cpp). build_engine.py gives this file to CMake as
# CMAKE_PROJECT_llama_cpp_INCLUDE; it is read at the wheel's own project() and acts when all targets are known.
# cmake_language(DEFER) is of CMake 3.19; the wheel's build asks for 3.21.

set(HEFT_NATIVE ${CMAKE_CURRENT_LIST_DIR})
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

# Put ``new`` in the place of ``old`` in a file of the sources; an unknown version of it ends the build.
function(heft_change file old new)
    file(READ ${file} text)
    string(FIND "${text}" "${new}" done)
    if(done GREATER -1)
        return()
    endif()
    string(FIND "${text}" "${old}" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "${file} is not the version that Heft knows: it lacks '${old}'")
    endif()
    string(REPLACE "${old}" "${new}" text "${text}")
    file(WRITE ${file} "${text}")
endfunction()

# The server computes and tokenizes through Heft's functions, and keeps what was computed before a stop.
function(heft_take_hold)
    set(server ${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/tools/server)
    set(context ${server}/server-context.cpp)
    heft_change(${context} "#include \"mtmd.h\"\n" "#include \"control.h\"\n#include \"mtmd.h\"\n")
    heft_change(${context}
        "llama_process(ctx_tgt, LLAMA_PROCESS_TYPE_DECODE, batch.view.get())"
        "heft_process(ctx_tgt, ctx_dft, batch.view.get(), batch.view.size())")
    heft_change(${context} "        int32_t n_batch = llama_n_batch(ctx_tgt)" "        int32_t n_batch = heft_n_batch(ctx_tgt)")
    heft_change(${context} "        int32_t n_batch  = llama_n_batch(ctx_tgt)" "        int32_t n_batch  = heft_n_batch(ctx_tgt)")
    heft_change(${context}
        "                    n_batch = llama_n_batch(ctx_tgt)" "                    n_batch = heft_n_batch(ctx_tgt)")
    heft_change(${context} "// TODO: handle ret == 2 (abort) when we start aborting" [=[if (ret == 2) {
                    for (auto & slot : slots) {
                        if (slot.is_processing()) {
                            send_error(slot, "stopped");
                            slot.release();
                            const llama_pos last = llama_memory_seq_pos_max(llama_get_memory(ctx_tgt), slot.id);
                            if (last < 0 || slot.prompt.tokens.has_mtmd) {
                                slot.prompt_clear();
                            } else {
                                slot.prompt.tokens.keep_first(std::min<size_t>(slot.prompt.tokens.size(), last + 1));
                            }
                        }
                    }
                    throw std::runtime_error("stopped");
                }]=])
    target_sources(llama-server-impl PRIVATE ${HEFT_NATIVE}/control.cpp ${HEFT_NATIVE}/typed_text.cpp)
    target_include_directories(server-context PRIVATE ${HEFT_NATIVE})
    set_source_files_properties(${server}/server-common.cpp
        DIRECTORY ${server} PROPERTIES COMPILE_DEFINITIONS common_tokenize=heft_tokenize)
    set_property(TARGET llama-server PROPERTY SOURCES ${HEFT_NATIVE}/main.cpp)
endfunction()

function(heft_install_programs)
    heft_leave_out(${CMAKE_CURRENT_SOURCE_DIR}/vendor/llama.cpp/tools)
    heft_take_hold()
    foreach(target ${HEFT_PROGRAMS} llama-server-impl llama-common mtmd)
        llama_cpp_python_install_target(${target}) # beside the libraries, with a search path that leads there
    endforeach()
endfunction()

cmake_language(DEFER CALL heft_install_programs)
