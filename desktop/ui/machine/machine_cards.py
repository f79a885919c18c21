"""The cards of the Machine page: processor, memory, graphics, engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.hardware import Gpu, Machine, Memory
from desktop.core.pools import Reclaimable
from desktop.core.units import human_bytes
from desktop.core.words import tr
from desktop.services.machine.graphics_words import graphics_words
from desktop.services.machine.memory_words import free_words, main_memory, parts_words
from desktop.services.machine.report import cores, gpu_facts, rate
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shell.theme import set_role

_STEPS = 1000  # of a bar
_NO_ANSWER = tr("Gave no answer: see the notes")
_NOT_SAID = tr("Not part of this profile")


class Card(QFrame):
    """A titled box of lines."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self, "card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 12, 14, 12)
        self._column.setSpacing(5)
        heading = QLabel(title)
        set_role(heading, "muted")
        self._column.addWidget(heading)

    def _line(self, name: str, role: str = "", *, elided: bool = False) -> QLabel:
        label = ElidedLabel(mode=Qt.TextElideMode.ElideRight) if elided else plain_label(name)
        if elided:
            label.setObjectName(name)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if role:
            set_role(label, role)
        self._column.addWidget(label)
        return label

    def _bar(self, name: str, title: str) -> QProgressBar:
        bar = QProgressBar()
        bar.setObjectName(name)
        bar.setAccessibleName(title)
        bar.setRange(0, _STEPS)
        bar.setTextVisible(False)
        self._column.addWidget(bar)
        return bar


class CpuCard(Card):
    """Name, cores, instruction sets, and whether the engine suits them."""

    def __init__(self, meanings: Mapping[str, str], parent: QWidget | None = None) -> None:
        """``meanings`` says what each instruction set is good for."""
        super().__init__("machineCpu", tr("Processor"), parent)
        self._meanings = meanings
        self._name = self._line("machineCpuName", "subtitle", elided=True)
        self._cores = self._line("machineCpuCores")
        self._features = self._line("machineCpuFeatures", "muted")
        self._verdict = self._line("machineCpuVerdict", "good")
        self._column.addStretch(1)

    def show_machine(self, machine: Machine) -> None:
        """Fill in a machine."""
        _set_whole(self._name, machine.cpu.name)
        self._cores.setText(cores(machine))
        self._features.setText(" · ".join(machine.cpu.features) or tr("No instruction sets known"))
        known_names = [name for name in machine.cpu.features if name in self._meanings]
        self._features.setToolTip("\n".join(f"{name}: {self._meanings[name]}" for name in known_names))
        missing = machine.engine.missing_features
        known = bool(machine.engine.features)
        self._verdict.setVisible(known)
        if missing:
            set_role(self._verdict, "bad")
            self._verdict.setText(tr("⚠ The engine needs {missing}", missing=", ".join(missing)))
        else:
            set_role(self._verdict, "good")
            self._verdict.setText(tr("✓ Has all that the engine was compiled for"))


class MemoryCard(Card):
    """What is free now, of how much, and how fast it is read."""

    def __init__(self, held: Callable[[], Reclaimable] = Reclaimable, parent: QWidget | None = None) -> None:
        """``held`` is what the running engine would give back."""
        super().__init__("machineMemory", tr("Memory"), parent)
        self._held = held
        self._machine: Machine | None = None
        self._available = self._line("machineMemoryAvailable", "figure")
        self._total = self._line("machineMemoryTotal")
        self._used = self._bar("machineMemoryBar", tr("Memory in use, or kept for the system"))
        self._bandwidth = self._line("machineMemoryBandwidth")
        self._measured = self._line("machineMemoryMeasured", "muted")
        self._column.addStretch(1)

    def show_machine(self, machine: Machine) -> None:
        """Fill in a machine."""
        memory = machine.memory
        self._machine = machine
        self.show_live(memory)
        least = tr("at least ") if memory.bandwidth_doubtful else ""
        self._bandwidth.setText(
            tr(
                "Read bandwidth {least}{bandwidth_bytes_per_second}",
                least=least,
                bandwidth_bytes_per_second=rate(memory.bandwidth_bytes_per_second),
            )
        )
        day = (memory.bandwidth_measured_at or "")[:10]
        self._measured.setText(tr("measured {day} on all physical cores", day=day) if day else "")
        self._measured.setVisible(bool(day))

    def show_live(self, memory: Memory) -> None:
        """Only what changes from second to second."""
        held = self._held()
        if self._machine is None:
            return
        pool = main_memory(msgspec.structs.replace(self._machine, memory=memory), held)
        self._available.setText(free_words(pool))
        limit = tr(" (limit of a {limited_by})", limited_by=memory.limited_by) if memory.limited_by else ""
        self._total.setText(f"{parts_words(memory.total_bytes, pool, held)}{limit}")
        used = memory.total_bytes - pool.free_bytes
        self._used.setValue(round(_STEPS * used / memory.total_bytes) if memory.total_bytes else 0)


class GraphicsCard(Card):
    """Every GPU, or what the probes said instead."""

    def __init__(self, architecture_title: Callable[[Gpu], str], parent: QWidget | None = None) -> None:
        super().__init__("machineGpus", tr("Graphics"), parent)
        self._architecture_title = architecture_title
        self._rows: list[QWidget] = []
        self._fold = push_button(
            "", "machineProbesFold", spoken=tr("What each probe for graphics cards said"), role="small"
        )
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._unfold)
        self._column.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
        self._probes = self._line("machineProbes", "muted")
        self._column.addStretch(1)
        self._unfold(False)

    def show_machine(self, machine: Machine) -> None:
        """Replace the rows."""
        for row in self._rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self._rows = []
        told = "\n".join(f"{probe.name}: {probe.message}" for probe in machine.probes)
        self._probes.setText(told)
        self._fold.setVisible(bool(told) and not machine.gpus)
        self._probes.setVisible(self._fold.isChecked() and bool(told) and not machine.gpus)
        if not machine.gpus:
            self._add("machineNoGpu", tr("None that a model can use"), "subtitle")
        self._add("machineGpusMean", graphics_words(machine))
        for index, gpu in enumerate(machine.gpus):
            self._add_gpu(index, gpu)

    def _add_gpu(self, index: int, gpu: Gpu) -> None:
        self._add(f"machineGpuName{index}", gpu.name, "subtitle", elided=True)
        held = gpu.held_bytes if gpu.held_bytes is not None else gpu.total_bytes - (gpu.free_bytes or 0)
        if gpu.total_bytes and gpu.free_bytes is not None:
            bar = self._bar(f"machineGpuBar{index}", tr("Memory of {name} in use", name=gpu.name))
            bar.setValue(round(_STEPS * held / gpu.total_bytes))
            self._take(bar)
        facts = gpu_facts(gpu, self._architecture_title(gpu))
        self._add(f"machineGpuFacts{index}", " · ".join(facts))
        users = [f"{p.name or p.pid} {human_bytes(p.used_bytes)}" for p in gpu.processes if p.used_bytes]
        if users:
            self._add(f"machineGpuProcesses{index}", tr("In use by ") + ", ".join(users[:3]), "muted")

    def _unfold(self, on: bool) -> None:
        """What each probe said, for who wants to know why."""
        self._probes.setVisible(on)
        self._fold.setText(tr("How Heft looked ▴") if on else tr("How Heft looked ▾"))

    def _add(self, name: str, text: str, role: str = "", *, elided: bool = False) -> None:
        label = self._line(name, role, elided=elided)
        _set_whole(label, text)
        self._take(label)

    def _take(self, widget: QWidget) -> None:
        """Lines are added at the end; a row belongs before what the probes said."""
        self._column.removeWidget(widget)
        self._column.insertWidget(self._column.indexOf(self._fold), widget)
        self._rows.append(widget)


class EngineCard(Card):
    """The installed llama.cpp and the disk its models lie on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("machineEngine", tr("Engine"), parent)
        self._version = self._line("machineEngineVersion", "subtitle", elided=True)
        self._backends = self._line("machineEngineBackends")
        self._variant = self._line("machineEngineVariant")
        self._features = self._line("machineEngineFeatures", "muted")
        self._architectures = self._line("machineEngineArchitectures")
        self._disk = self._line("machineDisk")
        self._column.addStretch(1)

    def show_machine(self, machine: Machine, *, here: bool) -> None:
        """Fill in a machine; ``here``: it is this computer, not one of "what if"."""
        engine = machine.engine
        _set_whole(self._version, engine.version or (_NO_ANSWER if here else _NOT_SAID))
        self._backends.setText(
            tr("Backends: {backends}", backends=", ".join(engine.backends)) if engine.backends else ""
        )
        self._variant.setText(
            tr("Chosen for this processor: {cpu_variant}", cpu_variant=engine.cpu_variant) if engine.cpu_variant else ""
        )
        self._features.setText(tr("Compiled with ") + " · ".join(engine.features) if engine.features else "")
        count = len(engine.architectures)
        self._architectures.setText(tr("{count} model architectures", count=count) if count else "")
        self._architectures.setToolTip(", ".join(engine.architectures))
        self._disk.setText(tr("{free_bytes} of disk free for models", free_bytes=human_bytes(machine.disk.free_bytes)))
        for label in (self._backends, self._variant, self._features, self._architectures):
            label.setVisible(bool(label.text()))
        self._disk.setVisible(machine.disk.free_bytes > 0)


def _set_whole(label: QLabel, text: str) -> None:
    if isinstance(label, ElidedLabel):
        label.set_whole_text(text)
    else:
        label.setText(text)
