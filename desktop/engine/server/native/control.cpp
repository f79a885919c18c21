// What Heft does with a running server that HTTP has no words for. Lines on standard input:
//
//   threads N      compute with N threads from the next step on
//   step N         read N tokens of a prompt at a time at first, then as many as take about two seconds; 0: as many
//                  as the batch holds
//   stop           give up what is computed, between two nodes of the graph
//   go             a new answer begins: a stop that nothing was left to obey does not count for it. Said when no slot
//                  works any more, or the earlier answer's next step would go on
//   release PATH   the pages of this mapped file may go: its tensors were copied in another order
//
// Any other line is the server's own (server-models.cpp, server_child::setup). The end of the input is the end of
// Heft: the process goes at once, in whatever state, so that none is ever left behind. All of this holds only where
// HEFT_PARENT_PID is set; otherwise the program is llama-server.

#include "control.h"

#include "ggml-backend.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#define dup    _dup
#define dup2   _dup2
#define fdopen _fdopen
#define write  _write
#else
#include <unistd.h>
#endif
#ifdef __linux__
#include <csignal>
#include <sys/mman.h>
#include <sys/prctl.h>
#endif

static std::atomic<int>     wanted_threads{0};
static std::atomic<bool>    stopping{false};
static std::atomic<int32_t> step{0}; // tokens of a prompt read at a time; 0: whole batches

static const double  STEP_SECONDS = 2.0;
static const int32_t LEAST_STEP   = 16;

static bool is_stopping(void * /* data */) {
    return stopping.load(std::memory_order_relaxed);
}

int32_t heft_process(llama_context * ctx, llama_context * draft, llama_batch_ext * batch, size_t tokens) {
    static llama_context * known   = nullptr;
    static int             threads = 0;

    if (known != ctx) {
        known   = ctx;
        threads = 0;
        llama_set_abort_callback(ctx, is_stopping, nullptr);
    }
    const int wanted = wanted_threads;
    if (wanted > 0 && wanted != threads) {
        threads = wanted;
        llama_set_n_threads(ctx, wanted, wanted);
        if (draft != nullptr) {
            llama_set_n_threads(draft, wanted, wanted);
        }
    }
    if (stopping.exchange(false)) {
        return 2;
    }

    const auto    begun  = std::chrono::steady_clock::now();
    const int32_t result = llama_process(ctx, LLAMA_PROCESS_TYPE_DECODE, batch);
    const double  passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();

    if (result == 2) {
        stopping = false; // it has been obeyed
    }

    const int32_t now = step;
    if (result == 0 && now > 0 && tokens == (size_t) now) {
        const double next = now * STEP_SECONDS / std::max(passed, 1e-3);
        step = (int32_t) std::clamp<double>(next, LEAST_STEP, llama_n_batch(ctx));
    }
    return result;
}

int32_t heft_n_batch(const llama_context * ctx) {
    const int32_t whole = (int32_t) llama_n_batch(ctx);
    const int32_t now   = step;
    return now > 0 ? std::min(now, whole) : whole;
}

static void release(const std::string & path) {
#ifdef __linux__
    std::ifstream maps("/proc/self/maps");
    std::string   line;
    while (std::getline(maps, line)) {
        unsigned long long start = 0;
        unsigned long long end   = 0;
        char               access[8] = "";
        int                name = 0;
        if (sscanf(line.c_str(), "%llx-%llx %7s %*s %*s %*s %n", &start, &end, access, &name) < 3 || name == 0) {
            continue;
        }
        if (strchr(access, 'w') == nullptr && line.compare(name, std::string::npos, path) == 0) {
            madvise((void *) start, end - start, MADV_DONTNEED);
        }
    }
#else
    (void) path;
#endif
}

static void obey(const std::string & line, int own_input) {
    std::istringstream words(line);
    std::string        what;
    words >> what;
    if (what == "threads") {
        int count = 0;
        words >> count;
        wanted_threads = count;
    } else if (what == "step") {
        int tokens = 0;
        words >> tokens;
        step = tokens;
    } else if (what == "stop") {
        stopping = true;
    } else if (what == "go") {
        stopping = false;
    } else if (what == "release") {
        release(line.substr(strlen("release ")));
    } else {
        const std::string own = line + "\n";
        if (write(own_input, own.data(), (unsigned) own.size()) < 0) {
            return; // it does not listen yet, or any more
        }
    }
}

// The tested libraries of the user's folder, by HEFT_BACKEND_FILES: one path a line.
static void load_further_backends() {
    const char * files = std::getenv("HEFT_BACKEND_FILES");
    std::istringstream lines(files != nullptr ? files : "");
    std::string        path;
    while (std::getline(lines, path)) {
        if (!path.empty()) {
            ggml_backend_load(path.c_str());
        }
    }
}

// Called first thing in main().
void heft_listen() {
    const char * parent = std::getenv("HEFT_PARENT_PID");
    if (parent == nullptr) {
        return;
    }
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != atoi(parent)) {
        _Exit(1); // it ended before this one could ask to be told
    }
#endif
    load_further_backends();

    // the server reads its standard input too: it gets a pipe of its own with what is meant for it
    FILE * orders = fdopen(dup(0), "r");
    int    ends[2];
#ifdef _WIN32
    const bool made = _pipe(ends, 4096, _O_BINARY) == 0;
#else
    const bool made = pipe(ends) == 0;
#endif
    if (orders == nullptr || !made || dup2(ends[0], 0) < 0) {
        return;
    }
    std::thread([orders, own_input = ends[1]]() {
        std::string line;
        for (int read = getc(orders); read != EOF; read = getc(orders)) {
            if (read != '\n') {
                line += (char) read;
                continue;
            }
            obey(line, own_input);
            line.clear();
        }
        _Exit(1);
    }).detach();
}
