"""What is wrong with a grammar or a JSON schema that an answer is to keep to, as somebody types it."""

from __future__ import annotations

import json
import re

from desktop.core.words import tr

LONGEST_FORM = 1 << 18  # characters of a grammar or a schema
_ROOT = re.compile(r"^\s*root\s*::=", re.MULTILINE)  # llama.cpp begins there: common/sampling.cpp, grammar root


def grammar_problem(text: str) -> str:
    """Why a text is no grammar in GBNF, as far as that shows without llama.cpp; "" where nothing is found."""
    if len(text) > LONGEST_FORM:
        return _too_long(text)
    return "" if _ROOT.search(text) else tr("A grammar needs a rule named root: root ::= …")


def json_problem(text: str) -> str:
    """Why a text is no JSON object, in words; "" for one that is."""
    if len(text) > LONGEST_FORM:
        return _too_long(text)
    try:
        found = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return tr(
            "This is not JSON: {msg} at line {lineno}, column {colno}.",
            msg=error.msg,
            lineno=error.lineno,
            colno=error.colno,
        )
    except ValueError as error:
        return tr("This is not JSON: {error}.", error=error)
    except RecursionError:
        return tr("This is not JSON that can be read: it is nested too deeply.")
    return "" if isinstance(found, dict) else tr("A schema is a JSON object, in { and }.")


def _too_long(text: str) -> str:
    return tr("{text:,} characters are too many: at most {longest_form:,}.", text=len(text), longest_form=LONGEST_FORM)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")
