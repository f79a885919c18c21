"""The engine's backends in words, for window and commands alike."""

from __future__ import annotations

from datetime import datetime

from desktop.core.units import human_bytes, human_time
from desktop.core.words import tr
from desktop.services.engine.backend_building import TITLES, Buildable, Effort
from desktop.services.engine.backends import Backend, Origin, OtherSpeed, ServedDevice

ABOUT = tr(
    "A backend lets the engine compute on a graphics card: Vulkan on nearly every one, "
    "CUDA on NVIDIA's, often quicker. Each is tried in a process of its own, and used "
    "only if it computes what the processor computes."
)
ORIGINS: dict[Origin, str] = {
    "built-in": tr("part of the engine"),
    "box": tr("comes with Heft"),
    "added": tr("added by you"),
}


def state_words(backend: Backend) -> str:
    """What it does here, a sentence without its end: which devices it serves and since when, or why it does not."""
    match backend.state:
        case "refused":
            return tr("left out: {removesuffix}", removesuffix=backend.why.removesuffix("."))
        case "second":
            return tr("works, and is not used: {removesuffix}", removesuffix=backend.why.removesuffix("."))
        case "aside":
            return tr("set aside by you")
        case "untried":
            return tr("will be tried at the engine's next start")
        case "used":
            return _service(backend)


def _service(backend: Backend) -> str:
    served = [_name(device) for device in backend.devices if device.served_by == backend.name]
    others = [device for device in backend.devices if device.served_by not in ("", backend.name)]
    parts = [f"serves {', '.join(served)}"] if served else []
    parts += [
        tr("{device} is served by {served_by}", device=_name(device), served_by=device.served_by) for device in others
    ]
    since = f" since {_day(backend.since)}" if backend.since and served else ""
    return ("; ".join(parts) or "loaded") + since


def trial_words(backend: Backend) -> str:
    """What its trial said, a line: "" for a backend that was not tried, or is a part of the engine."""
    if not backend.tried_at:
        return ""
    if backend.state == "refused":
        return tr("tried on {tried_at}", tried_at=_day(backend.tried_at))
    error = max((device.error for device in backend.devices), default=0.0)
    return tr(
        "computed the known answer on {tried_at} (off by {error:.2%} at most)",
        tried_at=_day(backend.tried_at),
        error=error,
    )


def speed_words(backend: Backend) -> str:
    """How quick it wrote in its trial, against other backends on the same device and the processor; "" where that was
    not measured.
    """
    timed = [device for device in backend.devices if device.tokens_per_second]
    if not timed:
        return ""
    told = [f"{_name(device)} {_rate(device.tokens_per_second)}{_against(device)}" for device in timed]
    return tr(
        "starter model in the trial: {told}, processor {processor_tokens_per_second}",
        told=", ".join(told),
        processor_tokens_per_second=_rate(timed[0].processor_tokens_per_second),
    )


def _against(device: ServedDevice) -> str:
    """`` (1.4 times as quick as Vulkan, 151 tok/s)``; "" where no other backend was timed there."""
    told = [_compared(device.tokens_per_second, other) for other in device.others]
    return f" ({'; '.join(told)})" if told else ""


def _compared(rate: float, other: OtherSpeed) -> str:
    times, its = rate / other.tokens_per_second, _rate(other.tokens_per_second)
    if times >= 1:
        return tr("{times:.2g} times as quick as {backend}, {its}", times=times, backend=other.backend, its=its)
    return tr("{backend} is {value:.2g} times as quick, {its}", backend=other.backend, value=1 / times, its=its)


def effort_words(name: Buildable, effort: Effort) -> str:
    """What a build asks of this computer, said before."""
    untried = tr(" Heft's makers have tried {titles} on no card yet.", titles=TITLES[name]) if name == "cuda" else ""
    return tr(
        "It takes about {seconds} on this computer, fetches {fetched_bytes} unless they are "
        "here, and needs {room_bytes} on the disk meanwhile.{untried}",
        seconds=human_time(effort.seconds),
        fetched_bytes=human_bytes(effort.fetched_bytes),
        room_bytes=human_bytes(effort.room_bytes),
        untried=untried,
    )


def _name(device: ServedDevice) -> str:
    return device.description or device.name


def _rate(tokens_per_second: float) -> str:
    return f"{tokens_per_second:.3g} tok/s" if tokens_per_second < 1000 else f"{tokens_per_second:,.0f} tok/s"


def _day(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds)
    return f"{moment.day} {moment.strftime('%b %Y')}"
