"""Small model files of every format Heft recognises, written byte by byte; the HDF5 files come from h5py 3.16."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

# -- safetensors ---------------------------------------------------------------------------------


def safetensors(header: Mapping[str, object], data: bytes = b"") -> bytes:
    """A file with this header, right or wrong."""
    return raw_safetensors(json.dumps(header).encode(), data)


def raw_safetensors(header: bytes, data: bytes = b"") -> bytes:
    """A file with these bytes as header."""
    return struct.pack("<Q", len(header)) + header + data


def tensor(dtype: str, shape: Sequence[int], begin: int, end: int) -> dict[str, object]:
    """An entry of a header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def small_safetensors() -> bytes:
    """Two tensors, metadata, no gaps."""
    header = {"__metadata__": {"format": "pt"}, "a": tensor("F16", (2, 3), 0, 12), "b": tensor("BF16", (4,), 12, 20)}
    return safetensors(header, bytes(20))


# -- pickles -------------------------------------------------------------------------------------

# {"weight": torch.zeros(2, 3)} as torch.save writes it since version 1.6 (archive/data.pkl).
TORCH_STATE = (
    b"\x80\x02}q\x00X\x06\x00\x00\x00weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
    b"ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01"
    b"\x86q\t\x89ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
)
TORCH_MAGIC = 0x1950A86A20F9469CFC6C


def text(word: str) -> bytes:
    """The opcode that pushes a short text."""
    raw = word.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def torch_zip(state: bytes = TORCH_STATE, extra: Mapping[str, bytes] | None = None, deflated: bool = False) -> bytes:
    """A checkpoint as PyTorch has written them since 1.6."""
    files = {"archive/data.pkl": state, "archive/data/0": bytes(24), "archive/version": b"3\n", **(extra or {})}
    return zipped(files, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)


def torch_legacy() -> bytes:
    """A checkpoint as PyTorch wrote them before 1.6: five pickles, then raw weights."""
    parts = [TORCH_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}]
    return b"".join(pickle.dumps(p, 2) for p in parts) + TORCH_STATE + pickle.dumps(["0"], 2) + bytes(32)


def harmless_pickles() -> list[bytes]:
    """Ordinary objects in every protocol."""
    things = [
        {"a": [1, 2.5, None, True], "b": (b"xy", "é" * 50)},
        OrderedDict(x=1),
        {1, 2},
        [2**70, -3, ["deep", [[]]]],
    ]
    return [pickle.dumps(thing, protocol) for thing in things for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


# -- zips and llamafiles -------------------------------------------------------------------------


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def llamafile(
    path: Path, gguf: bytes, stub: bytes = b"MZqFpD='\n" + b"\x90" * 500, arguments: str = "-m x.gguf"
) -> None:
    """A program with a zip archive behind it, as zipalign of llamafile makes them."""
    path.write_bytes(stub)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("x.gguf", gguf)
        archive.writestr(".args", arguments)


def keras_zip(layer: str = "Dense") -> bytes:
    """A .keras file with one layer."""
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": layer}]}}
    metadata = {"keras_version": "3.4.1", "date_saved": "2026-01-02@03:04:05"}
    files = {"metadata.json": json.dumps(metadata), "config.json": json.dumps(config), "model.weights.h5": "x" * 50}
    return zipped({name: content.encode() for name, content in files.items()})


# -- protobuf: ONNX and SavedModel ---------------------------------------------------------------


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def onnx(location: str = "") -> bytes:
    """A model of one MatMul with one initializer of 8 x 4 halves, inside or at ``location``."""
    weights = field(1, varint(8) + varint(4)) + field(2, 10) + field(8, "w")
    weights += field(13, field(1, "location") + field(2, location)) + field(14, 1) if location else field(9, bytes(64))
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(4, "MatMul")
    graph = field(1, node) + field(2, "g") + field(5, weights) + field(11, field(1, "x")) + field(12, field(1, "y"))
    head = field(1, 8) + field(2, "pytorch") + field(3, "2.4") + field(7, graph)
    return head + field(8, field(1, "") + field(2, 17)) + field(14, field(1, "k") + field(2, "v"))


def saved_model(operation: str = "MatMul") -> bytes:
    """A SavedModel message with one node and a function with another one."""
    function = field(1, field(1, "f")) + field(3, field(1, "n2") + field(2, operation))
    graph = field(1, field(1, "n") + field(2, "Placeholder")) + field(2, field(1, function))
    signature = field(1, "serving_default") + field(2, field(3, "predict"))
    meta = field(1, field(4, "serve") + field(5, "2.15.0")) + field(2, graph) + field(5, signature)
    return field(1, 1) + field(2, meta)


# -- old ggml ------------------------------------------------------------------------------------

LLAMA_7B = (32000, 4096, 256, 32, 32, 128, 2)  # vocabulary, width, multiple, heads, layers, rotary, file type Q4_0
WHISPER_TINY = (51865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1)


def old_ggml(magic: bytes, version: int | None, fields: Sequence[int]) -> bytes:
    """A file of 2023: magic, version (None: none), hyperparameters, and some of what follows."""
    numbers = ([] if version is None else [version]) + list(fields)
    return magic + struct.pack(f"<{len(numbers)}I", *numbers) + bytes(200)


def old_imatrix() -> bytes:
    """llama.cpp's importance matrix before it became GGUF."""
    name = b"blk.0.attn_q.weight"
    return (
        struct.pack("<2i", 1, len(name)) + name + struct.pack("<2i", 7, 4) + struct.pack("<4f", 1, 2, 3, 4) + bytes(60)
    )


# -- HDF5, from h5py -----------------------------------------------------------------------------


def hdf5(name: str) -> bytes:
    """ "keras" (old headers, with a Lambda layer), "keras-latest" (new headers), or "plain" (no attributes)."""
    return zlib.decompress(base64.b85decode(_HDF5[name]))


_HDF5 = {
    "keras": (
        "c-rlh&q~8U5XLvHN(fdfcu-Ga&!wo~#Z$#bb0}EUgCG*O$u@*08%$b7O78k5K8kOp+hiJ&1<`{io!@2lPv)ChGJLOg|Ey)~8DxR3"
        "lNHh?RXzZ+qwIluh#JHfh;NPM`D%U#=~BJWH=Fgu>r2b3>Z^5-"
        "|BY>(3>WbR_BzD(M*X|x91ee}?iS3eI@jyOhI$)hTXr+y2}_+vo}@u6<oT|q<(ciWC%x9+TICU1uGfRLp6iX6JK@6nR>!F5G-"
        "`dda-Aslc<8vX7zaN2L0^7FuZd%aAb*<k(~E&dzz|e_k{osqj=KAWx0HS(nR1cF$vBLk>R#bPoKrVsY3c|Tae8dhEB-"
        "L!Vj8fJc1&9MkvyN%kUdM&l*?N+r7ufxnsrR|V!)!2$7pt!W#v11oA@sg1VIo4K@bE%5acU90jv{Z-T"
    ),
    "keras-latest": (
        "c-rljF-yZh6vy8swS<srEtRT^Avj8{1qT(h(4qyEf-ZtciS1QN(*&Dpky6}>egJnriXTEyTpgUm#a-`m7aD}F(&7Ce$-"
        "8%X|Kwgm{<$xgb`$!du4)>D{74G(Vw{utm)ED~O1X5Tz;`kUu%(D}R!-{*5P-"
        "Q9#6}V!#twiA(~#zqE!wgD>NV~7P0xh|LV&3S8wrFo;L33k2JpPG!6h^yac<XI)UA&#)+5DyY;5!5geY!%b?Q`Wp4(_%j8!;{D5$"
        "~y;r+88ES~@&%S=}xBqrBB?x?1L%$iGbY(hqZ%q@$iSg%xFOR+Nu$Tk<k{y)OR6C0YtO0m4Jq@piONZjDPB)wJ9P`G>h`Tzt$5M+"
        "|rD^?DIuXJ+cv=F*4BcEMc&*p@QLTIdvE_Hpc({Q|A)FP#AGWu4{v3<Yl+HGoWn$|JByrOQmX*<@6X$kLT`M%}YH|$4%g{OZ@O6("
        "HU8k`LVk^4QF!Dogb2!bF8f*=TjApgxTNjPq*"
    ),
    "plain": (
        "c-"
        "rgqaB<`1lHy_j0S*oZ76t(ZWbhvf95_(<F!=;1%?PDCp!5nRm^dR?P68?}2sIyFT}Y6tD@gT!Gyt>5fCWNxFpPqc2s~UJ13+{Hln"
        "+a#Czw#xm7}Fc4+`yNWMGAu#R%hTKxih205n<Rq?v&!AEZ)HK^`imz#z`SAYKoZX9cEckUSF;#6S*cPGM$*C3Och7gY>sJOumsyM"
        "S^uEFUT`kEYF0FbYO00044XEky"
    ),
}
