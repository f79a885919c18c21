"""The card in which another computer is added: the line that its worker printed, or where ssh gets to, and its name."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.core.words import tr
from desktop.ui.shell.settings.add_other import AddOther, typed_field


@dataclass(frozen=True)
class NamedWorker:
    """What was typed: a pairing, or where ``ssh`` gets to, with the program ``heft`` there ("" for the usual one)."""

    pairing: str
    name: str
    ssh: str = ""
    heft: str = ""


class AddWorker(AddOther):
    """Gives a :class:`NamedWorker`."""

    def __init__(self) -> None:
        self._pairing = typed_field(
            "workerPairing", tr("Line that heft worker printed"), "heft-worker://…", secret=True
        )  # it holds the key
        self._ssh = typed_field("workerSsh", tr("Or where ssh gets to"), "user@studio.local")
        self._heft = typed_field(
            "workerHeft", tr("The program heft there, for ssh"), tr("heft, or a path such as ~/heft/heft")
        )
        self._name = typed_field("workerName", tr("Name of the computer"), tr("studio, for studio.local"))
        fields = (
            (tr("Address and key"), self._pairing), (tr("Or by ssh"), self._ssh), (tr("Heft there"), self._heft),
            (tr("Name"), self._name),
        )  # fmt: skip
        tip = tr(
            "Ask the computer what it lends, and keep it; its key goes into the keyring, else into a file of yours"
        )
        super().__init__("worker", tr("Add a computer"), fields, tip, tr("Add the computer"))

    def asking_words(self) -> str:
        """What goes on meanwhile."""
        if self._ssh.text().strip():
            return tr("Starting its worker by ssh, which takes up to a minute…")
        return tr("Asking the computer…")

    def give(self) -> None:
        """Tell what was typed, where that is enough and nothing is being asked."""
        pairing, ssh = self._pairing.text().strip(), self._ssh.text().strip()
        if (pairing or ssh) and not self.asking:
            self.given.emit(NamedWorker("" if ssh else pairing, self._name.text(), ssh, self._heft.text()))
