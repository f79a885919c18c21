"""Which graphics devices a model uses, in what order and shares, as a person turns them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from desktop.core.load_settings import LoadSettings
from desktop.core.pools import NO_DEVICES, OWN_DEVICES, WORKER_SIGN, Pool, asked_devices

_LEAST_SHARED = 2  # devices that can have shares, and a main one among them


@dataclass(frozen=True)
class ChosenDevice:
    """A device that there is, or that was set and is not there now (``pool`` None). ``name`` is the engine's, or what
    was set.
    """

    name: str
    on: bool
    pool: Pool | None = None

    @property
    def words(self) -> str:
        """What people call it."""
        return self.pool.name if self.pool is not None else self.name

    @property
    def group(self) -> str:
        """What goes on and off together: the devices of another computer are named by its name."""
        return f"{WORKER_SIGN}{self.pool.worker}" if self.pool is not None and self.pool.worker else self.name


@dataclass(frozen=True)
class DeviceChoice:
    """Devices in their order, of which those that are on are used. ``shares`` are theirs, in that order, none where
    Heft decides. ``main`` holds the model alone as long as it fits. ``by_itself`` are those that Heft would use.
    """

    devices: tuple[ChosenDevice, ...] = ()
    shares: tuple[float, ...] = ()
    main: str | None = None
    by_itself: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[ChosenDevice, ...]:
        """Those that are on."""
        return tuple(device for device in self.devices if device.on)

    @property
    def shared(self) -> bool:
        """Whether there are several to share the layers among."""
        return len(self.used) >= _LEAST_SHARED

    @property
    def asked(self) -> str | None:
        """The devices as :attr:`LoadSettings.devices` has them; None where they are those that Heft would use."""
        names = [device.name for device in self.used]
        if tuple(names) == self.by_itself:
            return None
        if not names:
            return NO_DEVICES
        whole = {device.group for device in self.devices} - {
            device.group for device in self.devices if not device.on
        }  # fmt: skip
        written = list(dict.fromkeys(one.group if one.group in whole else one.name for one in self.used))
        own = len(self.by_itself)
        if own and tuple(names[:own]) == self.by_itself and all(one.startswith(WORKER_SIGN) for one in written[own:]):
            written[:own] = [OWN_DEVICES]  # as Heft itself says it where another computer helps
        return ",".join(written)

    def over(self, settings: LoadSettings) -> LoadSettings:
        """Settings with these devices."""
        shares = ",".join(f"{share:g}" for share in self.shares) or None
        return replace(settings, devices=self.asked, tensor_split=shares, main_device=self.main)

    def switched(self, name: str, on: bool) -> DeviceChoice:
        """With a device on or off, and with it the others of its computer."""
        group = next(device.group for device in self.devices if device.name == name)
        devices = tuple(replace(one, on=on) if one.group == group else one for one in self.devices)
        return self._with(devices)

    def moved(self, name: str, steps: int) -> DeviceChoice:
        """With a device so many places further down, or up; at the end it stays there."""
        groups = list(dict.fromkeys(device.group for device in self.devices))
        group = next(device.group for device in self.devices if device.name == name)
        at = groups.index(group)
        groups.remove(group)
        groups.insert(max(0, at + steps), group)
        return self._with(tuple(one for group in groups for one in self.devices if one.group == group))

    def with_share(self, name: str, share: float, others: Sequence[float]) -> DeviceChoice:
        """With another share of a device that is on; ``others`` are those of all, where Heft decided them so far.

        A main device means nothing then.
        """
        shares = list(self.shares or others)
        shares[[device.name for device in self.used].index(name)] = share
        return replace(self, shares=tuple(shares), main=None)

    def _with(self, devices: tuple[ChosenDevice, ...]) -> DeviceChoice:
        """With other devices or another order; a share goes with its device, and a new one gets what it has free."""
        used = [device for device in devices if device.on]
        several = len(used) >= _LEAST_SHARED
        known = {device.name: share for device, share in zip(self.used, self.shares, strict=False)}
        shares = tuple(known[one.name] if one.name in known else self._fair(one, known) for one in used)
        main = self.main if several and any(device.name == self.main for device in used) else None
        return replace(self, devices=devices, shares=shares if self.shares and several else (), main=main)

    def _fair(self, device: ChosenDevice, known: dict[str, float]) -> float:
        """The share of a device by what is free on it and on those that have one."""
        free = {one.name: one.pool.free_bytes for one in self.devices if one.pool is not None}
        held = sum(free.get(name, 0) for name in known)
        if not held or not sum(known.values()):
            return 1.0
        return round(sum(known.values()) * free.get(device.name, 0) / held, 2)


def choice_of(settings: LoadSettings, offered: Sequence[Pool]) -> DeviceChoice:
    """What is set, among the devices that there are (:func:`desktop.core.pools.offered_devices`)."""
    by_itself = tuple(pool.engine_device for pool in offered if not pool.left_for)
    asked = asked_devices(settings.devices)
    names = (OWN_DEVICES,) if asked is None else asked
    used: dict[str, ChosenDevice] = {}
    for name in names:
        for device in _named(name, offered):
            used.setdefault(device.name, device)
    left = [ChosenDevice(pool.engine_device, False, pool) for pool in offered if pool.engine_device not in used]
    shares = settings.shares if len(settings.shares) == len(used) else ()
    main = next((name for name in used if name.lower() == (settings.main_device or "").lower()), settings.main_device)
    return DeviceChoice((*used.values(), *left), shares, main, by_itself)


def _named(name: str, offered: Sequence[Pool]) -> Iterator[ChosenDevice]:
    """What a name in the settings means; a device that is not there, where it means nothing."""
    if name.lower() == OWN_DEVICES:
        found = [pool for pool in offered if not pool.left_for]
    elif name.startswith(WORKER_SIGN):
        worker = name[1:].strip().casefold()
        found = [pool for pool in offered if pool.worker and pool.worker.casefold() == worker]
    else:
        found = [pool for pool in offered if name.lower() in map(str.lower, (pool.engine_device, *pool.also))]
    if not found and name.lower() != OWN_DEVICES:
        yield ChosenDevice(name, True)
    yield from (ChosenDevice(pool.engine_device, True, pool) for pool in found)
