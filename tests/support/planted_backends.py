"""Backend libraries made for a test: one that computes, as the engine's CPU backend does, and all that can go wrong."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

# ggml/src/ggml-backend-impl.h: a registration whose device is the processor's under another name. What is needed of the
# engine is found among the libraries that are loaded already, as a real backend finds it.
SOURCE = """
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
struct device;
struct backend { void *guid; void *calls[16]; struct device *device; void *context; };
struct reg { int version; const char *(*name)(void *); size_t (*count)(void *); void *(*get)(void *, size_t);
             void *(*address)(void *, const char *); void *context; };
struct properties { const char *name, *description; size_t free, total; int type; const char *id; char able[32]; };
struct device { const char *(*name)(void *); const char *(*description)(void *);
                void (*memory)(void *, size_t *, size_t *); int (*type)(void *);
                void (*props)(void *, struct properties *); struct backend *(*init)(void *, const char *);
                void *others[9]; struct reg *reg; void *context; };
extern struct device *ggml_backend_dev_by_type(int type);
extern void NEEDED(void);
void *needed_of_the_engine = (void *) NEEDED;
enum { GRAPH_COMPUTE = 12 };
static struct device *processor;
static struct device device;
static const char *backend_name(void *r) { return NAME; }
static const char *device_name(void *d) { return NAME "0"; }
static const char *described(void *d) { return CARD; }
static void memory(void *d, size_t *free, size_t *total) { *free = *total = (size_t) 8 << 30; }
static int type(void *d) { return KIND; }
static void props(void *d, struct properties *p) { p->id = ID[0] ? ID : NULL; }
static int (*compute)(void *, void *);
struct tensor { int type; void *buffer; long ne[4]; };
extern void *ggml_graph_node(void *graph, int index);
extern void *ggml_get_data_f32(void *tensor);
extern long ggml_nelements(void *tensor);
static int compute_wrongly(void *backend, void *graph) {
    int status = compute(backend, graph);
    float *last = ggml_get_data_f32(ggml_graph_node(graph, -1));
    long count = ggml_nelements(ggml_graph_node(graph, -1));
    for (long i = 0; i + 1 < count; i += 2) { float kept = last[i]; last[i] = last[i + 1]; last[i + 1] = kept; }
    return status;
}
static int compute_nothing(void *backend, void *graph) {
    int status = compute(backend, graph);
    *(float *) ggml_get_data_f32(ggml_graph_node(graph, -1)) = 0.0f / 0.0f;
    return status;
}
static int compute_failing(void *backend, void *graph) {
    FAILS;
    return compute(backend, graph);
}
static struct backend *init(void *d, const char *p) {
    struct backend *made = processor->init(processor, p);
    COMPUTES;
    return made;
}
static struct backend *no_stream(void *d, const char *p) { return NULL; }
static size_t count(void *r) { return DEVICES; }
static void *get(void *r, size_t i) { return &device; }
static struct reg reg = {VERSION, backend_name, count, get, NULL, NULL};
__attribute__((constructor)) static void start(void) { START; }
void *ggml_backend_init(void) {
    processor = ggml_backend_dev_by_type(0);
    device = *processor;
    device.name = device_name; device.description = described; device.memory = memory; device.type = type;
    device.props = props; device.init = init; device.reg = &reg;
    INIT;
    return &reg;
}
"""
COMPUTES_FAILING = "compute = made->calls[GRAPH_COMPUTE]; made->calls[GRAPH_COMPUTE] = (void *) compute_failing"
COMPUTES_WRONGLY = "compute = made->calls[GRAPH_COMPUTE]; made->calls[GRAPH_COMPUTE] = (void *) compute_wrongly"
NO_STREAM = "device.init = no_stream"
HANGS = "for (;;) pause()"


def plant(
    folder: Path,
    name: str,
    *,
    called: str = "",
    card: str = "A planted card",
    device_id: str = "",
    version: int = 2,
    devices: int = 1,
    start: str = "",
    init: str = "",
    computes: str = "",
    needed: str = "ggml_backend_dev_count",
    fails: str = "",
) -> Path:
    """A backend that names itself ``called`` and offers the processor as a card.

    C that runs as soon as it is loaded is ``start``, ``init`` when the engine asks for its devices, ``computes`` when a
    stream is made, ``fails`` before each graph of one that is COMPUTES_FAILING; ``needed`` is a function that it wants
    of the engine.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a backend with")
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.origin is not None
    engine = Path(spec.origin).parent / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"libggml-{name}.so"
    values = {
        "NAME": f'"{called or name}"', "CARD": f'"{card}"', "ID": f'"{device_id}"', "VERSION": version,
        "DEVICES": devices, "START": start, "INIT": init, "COMPUTES": computes, "NEEDED": needed, "KIND": 1,
        "FAILS": fails,
    }  # fmt: skip
    defines = [f"-D{key}={value}" for key, value in values.items()]
    command = [compiler, "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(target), *defines]
    links = [f"-L{engine}", "-l:libggml.so.0", "-l:libggml-base.so.0"]
    subprocess.run([*command, *links], input=SOURCE, text=True, check=True)
    target.chmod(0o755)
    return target
