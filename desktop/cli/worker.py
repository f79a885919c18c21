"""``heft worker``: lends this computer's devices to another one of yours, and uses those of a worker."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import Any

from desktop.cli.arguments import whole_number
from desktop.cli.output import human_bytes, print_json, print_note, print_text
from desktop.core.errors import HeftError, UsageError
from desktop.engine.backends import RPC_VARIABLE
from desktop.engine.device_records import Device
from desktop.services.container import Container
from desktop.services.engine.describing import describe_engine
from desktop.services.serve.owner import STATUS, ask_owner
from desktop.services.worker.about import About, about_of
from desktop.services.worker.identity import read_pairing
from desktop.services.worker.service import Worker, use
from desktop.services.worker.tunnel import Tunnel
from desktop.store.paths import Paths, default_paths

_FIELDS = ("name", "description", "backend", "kind", "total_bytes", "free_bytes", "device_id")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to lend, or that a worker is to be used."""
    parser.add_argument("--tunnel", choices=("tls", "ssh"), default="tls", help="how the other computer gets here")
    parser.add_argument("--listen", default="", metavar="ADDRESS", help="with tls: which address of this computer")
    parser.add_argument(
        "--port", type=whole_number, default=0, metavar="N", help="with tls: the port; 0 for a free one"
    )
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does, as ssh closes it")
    parser.add_argument("--join", action="store_true", help="use a worker: its pairing is read from standard input")


def run(args: argparse.Namespace) -> int:
    """Lend or use, until Ctrl+C, or the worker is gone. Raises HeftError."""
    if args.join and (args.listen or args.port or args.until_eof):
        raise UsageError("--listen, --port and --until-eof are for the computer that lends.", "Leave them out.")
    try:
        return _join(args.json) if args.join else _lend(args)
    except KeyboardInterrupt:
        return 0


def _lend(args: argparse.Namespace) -> int:
    with Container(default_paths()) as container:
        paths, describe = container.paths, container.describe_engine
        machine = container.machine.describe("cached")
        speeds = container.calibration.speeds(machine)

        def about(lent: tuple[Device, ...]) -> About:
            return about_of(container.machine.now(machine), lent, speeds, _serving(paths))

        with Worker(paths, describe, args.tunnel, args.listen, args.port, about) as worker:
            lent = worker.lent
            pairing = lent.pairing.text if lent.pairing is not None else None
            if args.json:
                print_json({"address": lent.address, "devices": _rows(lent.devices), "pairing": pairing})
            else:
                print_text(_listed(lent.devices))
                print_note(_how(lent.address, pairing))
                if pairing is not None:
                    print_text(pairing)
            sys.stdout.flush()
            over = _end_with_input(worker) if args.until_eof else threading.Event()
            worker.wait()
            if over.is_set():
                return 0
    raise HeftError("The engine's RPC server ended.", "Start it again: heft worker")


def _end_with_input(worker: Worker) -> threading.Event:
    """End the worker when standard input ends; what is returned is set then."""
    over, source = threading.Event(), sys.stdin.fileno()

    def listen() -> None:
        while os.read(source, 1 << 12):
            pass
        over.set()
        worker.end()

    threading.Thread(target=listen, name="input", daemon=True).start()
    return over


def _serving(paths: Paths) -> str:
    """The address of this computer's own server, where another computer can reach it; "" otherwise."""
    try:
        told = ask_owner(paths.data, STATUS) or {}
    except HeftError:
        return ""
    address = told.get("address") if told.get("network") else None
    return str(address) if address else ""


def _join(as_json: bool) -> int:
    pairing = read_pairing(sys.stdin.readline())
    lost = threading.Event()
    told: list[HeftError] = []

    def hear(error: HeftError) -> None:
        told.append(error)
        lost.set()

    tunnel = Tunnel(pairing, hear)
    try:
        paths = default_paths()
        devices = use(tunnel, lambda: describe_engine(paths))
        address = f"127.0.0.1:{tunnel.port}"
        if as_json:
            print_json({"address": address, "devices": _rows(devices), "pairing": None})
        else:
            print_text(_listed(devices))
            print_note(f"heft: While this runs, other commands use them with {RPC_VARIABLE}={address}. Ctrl+C ends it.")
        sys.stdout.flush()
        lost.wait()
        raise told[0]
    finally:
        tunnel.close()


def _how(address: str, pairing: str | None) -> str:
    if pairing is None:
        port = address.rpartition(":")[2]
        return (
            f"heft: On the other computer: ssh -N -L {port}:{address} THIS-COMPUTER\n"
            f"      and there, for Heft's commands: {RPC_VARIABLE}=127.0.0.1:{port}. Ctrl+C ends it."
        )
    return (
        "heft: Whoever has the line below can use them. On the other computer paste it under Settings > Other\n"
        "      computers, or give it to: heft workers add (heft worker --join for one time). Ctrl+C ends it."
    )


def _listed(devices: tuple[Device, ...]) -> str:
    rows = [f"{one.name}  {one.description}, {human_bytes(one.free_bytes)} free" for one in devices]
    return "\n".join(rows) or "No device can be used."


def _rows(devices: tuple[Device, ...]) -> list[dict[str, Any]]:
    return [{name: getattr(device, name) for name in _FIELDS} for device in devices]
