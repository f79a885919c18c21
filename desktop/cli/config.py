"""``heft config``: the program's settings, listed, read and changed by what desktop/store/options.py declares."""

from __future__ import annotations

import argparse
import difflib
from typing import Any

import msgspec

from desktop.cli.output import print_json, print_text, table
from desktop.core.errors import UsageError
from desktop.core.settings_pages import PAGES
from desktop.store.option_kinds import without_password
from desktop.store.options import OPTIONS, Option
from desktop.store.paths import default_paths
from desktop.store.settings import SettingsData, SettingsStore, not_taken


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KEY and VALUE, or what to put back."""
    parser.add_argument("key", nargs="?", metavar="KEY", help="show this setting only")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="give it this value; '' for nothing")
    parser.add_argument("--reset", metavar="KEY", help="put a setting back to its default")


def run(args: argparse.Namespace) -> int:
    """List, show, set or reset; UsageError for an unknown key and a value that is not taken, StoreError."""
    settings = SettingsStore(default_paths().settings)
    if args.reset is not None:
        if args.key is not None:
            raise UsageError("--reset takes one setting and no value.", "See: heft config --help")
        option = _option(args.reset)
        settings.reset(option)
    elif args.key is None:
        _show(settings.load(), OPTIONS, as_json=args.json)
        return 0
    else:
        option = _option(args.key)
        if args.value is not None:
            settings.set(option, _parsed(option, args.value))
    if args.json:
        _show(settings.load(), (option,), as_json=True)
    else:
        print_text(_written(option, settings.get(option)))
    return 0


def _option(key: str) -> Option[Any]:
    found = next((option for option in OPTIONS if option.key == key), None)
    if found is not None:
        return found
    close = difflib.get_close_matches(key, [option.key for option in OPTIONS], n=3, cutoff=0.7)
    named = " or ".join(f"'{name}'" for name in close)
    raise UsageError(f"There is no setting '{key}'.", f"Did you mean {named}?" if close else "See: heft config")


def _parsed(option: Option[Any], text: str) -> Any:
    try:
        return option.kind.parsed(text)
    except ValueError as error:
        raise not_taken(option, text) from error


def _show(settings: SettingsData, options: tuple[Option[Any], ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"settings": [_document(option, settings) for option in options]})
        return
    rows = [
        [
            option.key,
            _written(option, settings.get(option)),
            "" if settings.is_default(option) else "changed",
            PAGES[option.page] if option.page else "",
            option.label + (f" ({option.overruled_by} goes before it)" if option.overruled_by else ""),
        ]
        for option in options
    ]
    print_text(table(["KEY", "VALUE", "", "PAGE", ""], rows))


def _written(option: Option[Any], value: Any) -> str:
    return without_password(option.kind.written(value)) or "-"


def _document(option: Option[Any], settings: SettingsData) -> dict[str, Any]:
    value = settings.get(option)
    return {
        "key": option.key,
        "value": without_password(value) if isinstance(value, str) else msgspec.to_builtins(value),
        "default": msgspec.to_builtins(option.default),
        "page": option.page,
        "label": option.label,
        "accepts": option.kind.accepts,
        "overruled_by": option.overruled_by or None,
    }
