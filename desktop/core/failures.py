"""The kinds of failures: each declared once, with what it means.

A :class:`desktop.core.errors.HeftError` has one of them.

The values are part of the headless contract (``error.kind`` of ``--json``), so a released one is never renamed.
"""

from __future__ import annotations

from enum import StrEnum

from desktop.core.settings_pages import SettingsPage
from desktop.core.words import tr


class FailureKind(StrEnum):
    """Compared by identity or as its text. ``meaning`` is for whoever reads the code or a report."""

    meaning: str
    settings_page: SettingsPage | None  # where a person can mend it; one that depends on more is the error's own

    def __new__(cls, value: str, meaning: str, settings_page: SettingsPage | None = None) -> FailureKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning, member.settings_page = meaning, settings_page
        return member

    @classmethod
    def of(cls, text: str) -> FailureKind:
        """The kind another process names; ERROR for one that this version does not know."""
        return next((kind for kind in cls if kind.value == text), cls.ERROR)

    # Anything
    ERROR = "error", tr("Something failed for which no kind says more.")
    INTERNAL = "internal", tr("A fault of Heft's own; the detail holds the trace.")
    CANCELLED = "cancelled", tr("The person asked to stop.")
    USAGE = "usage", tr("The command or request itself is malformed.")
    NOT_FOUND = "not-found", tr("A model, chat or file that is not there (any more).")
    AMBIGUOUS = "ambiguous", tr("A name that could mean several things.")
    NO_ANSWER = "no-answer", tr("The window of Heft does not answer a command.")
    BUSY = "busy", tr("What is asked for is in use: an answer is being written, another Heft downloads the file.")
    TOO_SLOW = "too-slow", tr("A helper process did not answer within its time and was ended.")
    TOO_LONG = "too-long", tr("A text longer than is taken.")

    # Attachments
    BAD_ATTACHMENT = "bad-attachment", tr("A file that cannot be attached: of no known kind, damaged or too large.")
    TAKES_NO_MEDIA = "takes-no-media", tr("A picture or sound for a model that takes none.")

    # Files
    BAD_FILE = "bad-file", tr("A model file that cannot be read, is damaged or is none.")
    OTHER_PROGRAM = "other-program", tr("A model file made for another program than llama.cpp.")
    NOT_READABLE = "not-readable", tr("A file that the system does not let this user read.")
    NOT_WRITABLE = "not-writable", tr("A folder that takes no files."), "models"
    FILE_EXISTS = "file-exists", tr("Another file has the place that a file is to have.")
    DISK_FULL = "disk-full", tr("No room on the disk."), "data"
    TOO_LARGE = "too-large", tr("The file system takes no file of this size."), "models"
    NOT_OURS = "not-ours", tr("Files that belong to another program, or to Heft itself, and are not removed.")
    BAD_PROFILE = "bad-profile", tr("No profile of a machine, or one that cannot be read.")

    # Documents that go with a question
    BAD_DOCUMENT = "bad-document", tr("A document that is damaged, hostile, or of a kind from which no text is taken.")
    LOCKED_DOCUMENT = "locked-document", tr("A document that is protected by a password.")
    NO_TEXT = "no-text", tr("A document without text: a scan, whose pages are pictures.")

    # Heft's own data
    STORE = "store", tr("Heft's own data could not be read or written.")
    UNWRITABLE = "unwritable", tr("The folder of Heft's data takes no writes."), "data"
    DAMAGED = "damaged", tr("A damaged database, of which what could be read was kept.")
    NEWER_DATABASE = "newer-database", tr("A database that a newer Heft has changed.")
    BAD_BACKUP = "bad-backup", tr("A file that is no backup of Heft's, or a damaged one.")
    NEWER_BACKUP = "newer-backup", tr("A backup that a newer Heft has written.")

    # The engine
    ENGINE = "engine", tr("The engine refused or failed without naming a cause.")
    NO_MODEL = "no-model", tr("No model is loaded.")
    NO_LANGUAGE_MODEL = "no-language-model", tr("A file that is read beside a model, and is none by itself.")
    CANNOT_CHAT = (
        "cannot-chat",
        tr("A model, or a part of one, with which no text can be written: an embedding model, say."),
    )
    CANNOT_EMBED = "cannot-embed", tr("A model that was asked for vectors or scores, for which it is not made.")
    NO_SERVER = "no-server", tr("The installed engine comes without llama.cpp's server.")
    NO_COMPILER = "no-compiler", tr("What compiles the engine's sources is not installed.")
    NO_SOURCES = "no-sources", tr("The engine's sources could not be fetched.")
    BUILD_FAILED = "build-failed", tr("The engine's sources could not be compiled.")
    NO_PYTHON = "no-python", tr("No Python is installed that the converter's environment could be made with.")
    NO_PACKAGES = "no-packages", tr("What the converter needs could not be fetched.")
    CONVERTER = "converter", tr("The converter refused a folder or failed without naming a cause.")
    STRANGE_CODE = "strange-code", tr("A model that would run code of its own folder, which Heft does not do.")
    NOT_STARTED = "not-started", tr("The engine's process could not be started.")
    MISSING_LIBRARY = "missing-library", tr("A library of the system that the engine needs is not there.")
    UNFIT_LIBRARY = "unfit-library", tr("A library of the system is too old, or of another kind, for the engine.")
    REFUSED_BACKEND = "refused-backend", tr("A backend library failed its trial."), "engine"
    UNSUPPORTED_CPU = "unsupported-cpu", tr("The engine was compiled for a processor with other instructions."), "about"
    CRASHED = "crashed", tr("The engine's process died by a fault of its own.")
    KILLED = "killed", tr("The engine's process was ended from outside.")
    OUT_OF_MEMORY = "out-of-memory", tr("Not enough memory for the model with these settings.")
    DEVICE_LOST = "device-lost", tr("A graphics device failed, or went away, while a model was using it.")
    DEVICE_GONE = "device-gone", tr("A device that was asked for, or remembered, is not there.")
    DEVICE_FULL = "device-full", tr("A graphics device has not the free memory for what was asked to go there.")
    UNKNOWN_ARCHITECTURE = "unknown-architecture", tr("The engine does not know the model's architecture.")
    MISSING_SHARD = "missing-shard", tr("A part of a model that lies in several files is missing.")
    NOT_PLANNED = "not-planned", tr("The engine's dry run does not take the model or the settings.")
    CONTEXT_FULL = "context-full", tr("The conversation is longer than the context.")
    EMPTY_PROMPT = "empty-prompt", tr("There is nothing to answer.")
    BAD_TEMPLATE = "bad-template", tr("The model's chat template fails for this conversation.")

    # Tools that look into files
    BAD_TOKENIZER = "bad-tokenizer", tr("The engine does not take the file's vocabulary.")
    NOT_LOADED = "not-loaded", tr("The tokenizer's process holds no vocabulary.")
    NOT_FINITE = "not-finite", tr("A tensor with values that are no numbers cannot be measured.")
    REMOTE = "remote", tr("Something that needs the whole file, which is still on the Hub.")
    DISTURBED = "disturbed", tr("Other programs kept the processor busy, so nothing could be measured.")
    CALIBRATION = "calibration", tr("The calibration could not write or load its model.")
    PROBE = "probe", tr("A probe of the hardware failed or took too long.")

    # Serving other programs
    PORT_TAKEN = "port-taken", tr("Another program listens where the server would."), "serve"
    NO_SYSTEMD = "no-systemd", tr("This computer has no systemd that starts programs for its user.")

    # Other servers
    UNREACHABLE = "unreachable", tr("Another server does not answer at its address."), "endpoints"
    KEY_WRONG = "key-wrong", tr("Another server does not accept the key, or wants one."), "endpoints"
    NOT_OPENAI = "not-openai", tr("What answers at an address speaks no OpenAI-compatible protocol."), "endpoints"
    CLEARTEXT = "cleartext", tr("Key and chats would go through a network in plain text."), "endpoints"

    # Other computers
    MISSING_PROGRAM = "missing-program", "A program of the system, such as ssh, is not there.", "workers"

    # Servers of tools
    TOOL_SERVER = "tool-server", tr("A server of tools could not be reached, or does not do what it should."), "tools"

    # The Hub and the way to it; other servers share some
    HUB = "hub", tr("A request to the Hub failed without naming a cause.")
    OFFLINE_MODE = "offline-mode", tr("The variable HF_HUB_OFFLINE keeps the Hub from being asked."), "hub"
    NO_NETWORK = "no-network", tr("The Hub cannot be reached.")
    PROXY = "proxy", tr("The proxy refuses, or the Hub or another server cannot be reached through it."), "network"
    CERTIFICATE = "certificate", tr("The certificate of the Hub, or of another server, is not trusted.")
    TIMEOUT = "timeout", tr("The Hub, or another server, did not answer in time.")
    INTERRUPTED = "interrupted", tr("The connection broke.")
    BAD_ENDPOINT = "bad-endpoint", tr("The address of the Hub is none that can be asked."), "hub"
    REDIRECTS = "redirects", tr("The request is sent round in a circle."), "hub"
    BAD_ANSWER = "bad-answer", tr("An answer that is cut short, or that the Hub's protocol does not know.")
    REFUSED = "refused", tr("The Hub, or another server, refused the request itself.")
    RATE_LIMITED = "rate-limited", tr("Too many requests from here.")
    HUB_DOWN = "hub-down", tr("The Hub has a problem of its own.")
    NO_KEYRING = "no-keyring", tr("The keyring of the system cannot be used."), "hub"
    TOKEN_MISSING = "token-missing", tr("Something that is not given without a token."), "hub"
    TOKEN_WRONG = "token-wrong", tr("The Hub does not accept the token."), "hub"
    GATED_NO_TOKEN = "gated-no-token", tr("A repo that asks who you are, and no token is set."), "hub"
    GATED_LICENCE = "gated-licence", tr("A repo whose licence was not accepted yet.")
    FORBIDDEN = "forbidden", tr("The token, or the network, may not read this.")
    REPO_NOT_FOUND = "repo-not-found", tr("A repo that is not there, or is private.")
    REVISION_NOT_FOUND = "revision-not-found", tr("A version that the repo does not have.")
    FILE_NOT_FOUND = "file-not-found", tr("A file that the repo does not have.")
    DISABLED = "disabled", tr("A repo that the Hub has closed.")
    FILE_CHANGED = "file-changed", tr("The file on the Hub is not the one that was asked for any more.")
    CHECKSUM = "checksum", tr("A file that arrived with other bytes than the Hub has.")
    UNSAFE_PATH = "unsafe-path", tr("A name of the repo's that leads out of the folder.")
    DOWNLOAD = "download", tr("A download stopped without naming a cause.")
