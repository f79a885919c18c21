"""Picks for this computer: a model for each purpose, from the Hub's lists of the day, or a dated table without it.

From the lists alone each model is weighed roughly, as if built like the known model nearest in size. What that leaves
in front is then opened as the picker opens a repo: the figures shown are the picker's, by its plan.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.choice import Goal
from desktop.core.context_length import CODING_CONTEXT
from desktop.core.errors import HeftError
from desktop.core.hardware import Machine
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import DEFAULT_CONTEXT, LoadSettings
from desktop.core.memory import ModelShape, weights_from_size
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef, hub_identity
from desktop.core.picks import LONG_CONTEXT, RULES, Contender, Purpose, Role, Rule, preferred
from desktop.core.picks_table import USUAL_VARIANT, KnownModel
from desktop.core.placement import Fit
from desktop.core.pools import hypothetical
from desktop.hub.records import RepoSummary, SearchQuery, Task
from desktop.hub.search import HubSearch
from desktop.services.discover.picked_repo import PickedRepo
from desktop.services.discover.picker import PickerService
from desktop.services.discover.picker_rates import MachineRates, VariantRates
from desktop.services.discover.picker_records import Controls, RateSource, VariantRow
from desktop.services.discover.repo_known import Known
from desktop.services.discover.tables import DataTables
from desktop.services.discover.target_machine import OwnPlace, TargetMachine, estimated
from desktop.services.planning.service import plan_of

_TASKS: tuple[tuple[Task, Purpose], ...] = (("chat", "chat"), ("code", "code"), ("vision", "vision"))
_LISTED = 60  # repos of each list
_OPENED = 3  # repos looked into for a role, at most
_ACTIVE = re.compile(r"(?<![a-z])a(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)  # Qwen3-30B-A3B: a mixture of experts
_QUICKER = 2  # models that would be quick enough, at most

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pick:
    """A model for one or more purposes. ``plan`` is the load that its figures are of, at the context of its rule;
    ``meets`` tells whether it is as quick as its first role asks; ``source`` is where a row of the table comes from,
    "" for one of the Hub's lists."""

    roles: tuple[Role, ...]
    name: str
    repo: str
    variant: str
    plan: LoadPlan
    meets: bool
    source: str = ""

    @property
    def waiting_seconds(self) -> float | None:
        """Until all of its context is read and an answer to it is written; None where that is not known."""
        return _contender(0.0, self.plan).waiting_seconds

    @property
    def looked_at_by(self) -> tuple[Goal, int | None]:
        """The goal and the context to look at its repo with: None where the goal's own is meant."""
        return _looked_at_by(next(rule for rule in RULES if rule.role is self.roles[0]))


@dataclass(frozen=True)
class Picks:
    """``listed`` is the date (YYYY-MM) of the table they come from, "" for the Hub's lists of now. ``problem`` is why
    the Hub was not asked, and what to do, "" where that is not known."""

    picks: tuple[Pick, ...]
    listed: str = ""
    problem: str = ""


@dataclass(frozen=True)
class _Listed:
    """A model of the lists with what is known of it before it is opened."""

    repo: RepoSummary
    purposes: frozenset[Purpose]
    like: KnownModel

    @property
    def parameters(self) -> float:
        return float(self.repo.parameters or 0)

    def holds(self, context: int) -> bool:
        """Whether it was trained for so many tokens, as far as the Hub says."""
        return not self.repo.context_length or self.repo.context_length >= context


@dataclass(frozen=True)
class _Answered:
    """What was answered last: from these lists (None: from the table), with the repos that were opened for it."""

    listed: Sequence[_Listed] | None
    opened: dict[str, PickedRepo | None]
    where: TargetMachine
    rates: VariantRates
    usual: LoadSettings


class PicksService:
    """Every call may come from any thread. :meth:`live` waits for the network, :meth:`known` for probes only."""

    def __init__(
        self, search: HubSearch, picker: PickerService, tables: DataTables, rates: RateSource | None = None
    ) -> None:
        self._search, self._picker, self._tables = search, picker, tables
        self._rates = MachineRates(rates)
        self._lock = threading.Lock()
        self._own: OwnPlace | None = None
        self._answered: _Answered | None = None
        self._problem = ""

    def known(self) -> Picks:
        """From the dated table: nothing is asked of the Hub."""
        where, usual, models = self._look(), self._picker.usual(), self._tables.known_models
        rates = self._rates.on(where)
        found = []
        for rule in RULES:
            fitting = [model for model in models if rule.purpose in model.purposes]
            plans = [_known_plan(model, rule.context, usual, where, rates) for model in fitting]
            contenders = [_contender(m.parameters, p) for m, p in zip(fitting, plans, strict=True)]
            for number in preferred(rule, contenders)[:1]:
                model, plan, meets = fitting[number], plans[number], contenders[number].meets(rule)
                found.append(Pick((rule.role,), model.name, model.repo, USUAL_VARIANT, plan, meets, model.source))
        self._answered = _Answered(None, {}, where, rates, usual)
        return Picks(_joined(found), max((model.listed for model in models), default=""), self._problem)

    def live(self, cancelled: Cancelled = never) -> Picks:
        """From the Hub's lists of most downloaded models. Raises HubError where the Hub cannot be asked."""
        try:
            listed = self._lists(cancelled)
        except CancelledError:
            raise
        except HeftError as error:
            self._problem = f"{error.message} {error.hint}".strip()
            raise
        self._problem = ""
        return self._weighed(listed, {}, cancelled)

    def again(self, cancelled: Cancelled = never) -> Picks | None:
        """What was answered last, weighed anew where anything that decides it has changed since: the memory that is
        free, what was measured here, the threads of the settings. None where nothing has.

        The lists and what was read of the repos are kept: the Hub is asked only for a repo that comes to the front.
        """
        last = self._answered
        if last is None:
            return None
        where = self._look()
        if where is last.where and self._rates.on(where) is last.rates and self._picker.usual() == last.usual:
            return None
        if last.listed is None:
            return self.known()
        opened: dict[str, PickedRepo | None] = {}  # but for those that could not be read: they may be now
        for name, repo in last.opened.items():
            if repo is not None:
                repo.forget_rates()
                opened[name] = repo
        return self._weighed(last.listed, opened, cancelled)

    def quicker(self, row: VariantRow, context: int, machine: Machine | None = None) -> tuple[Pick, ...]:
        """Where a repo's best is too slow: models of the table that would be quick enough with all of ``context``
        tokens used: a mixture of experts, and the largest smaller sibling. ``machine`` None is this computer."""
        where = self._look() if machine is None else TargetMachine(hypothetical(machine))
        rates, name, usual = self._rates.on(where), row.variant.first_file.path.lower(), self._picker.usual()
        rule = replace(next(rule for rule in RULES if rule.role is Role.BEST), context=context)
        mixtures: list[tuple[KnownModel, LoadPlan]] = []
        siblings: list[tuple[KnownModel, LoadPlan]] = []
        for model in self._tables.known_models:
            plan = _known_plan(model, context, usual, where, rates)
            if plan.speeds is None or not _contender(model.parameters, plan).meets(rule) or "vision" in model.purposes:
                continue
            family = name.startswith(model.family.lower())
            if model.mixture:
                mixtures.append((model, plan))
            elif family and model.parameters < (row.parameters or 0):
                siblings.append((model, plan))
        best = [max(group, key=lambda pair: pair[0].parameters) for group in (mixtures, siblings) if group]
        role = (Role.BEST,)
        return tuple(Pick(role, m.name, m.repo, USUAL_VARIANT, p, True, m.source) for m, p in best)[:_QUICKER]

    # -- inside ----------------------------------------------------------------------------------

    def _own_place(self) -> OwnPlace:
        """This computer; looking at it for the first time takes seconds."""
        with self._lock:
            if self._own is None:
                self._own = self._picker.own_place()
            return self._own

    def _look(self) -> TargetMachine:
        """This computer as it is now; the same as before while nothing has changed that decides a plan."""
        own = self._own_place()
        own.refresh()
        self._rates.renew(own.now)
        return own.now

    def _weighed(self, listed: Sequence[_Listed], opened: dict[str, PickedRepo | None], cancelled: Cancelled) -> Picks:
        """The picks of these lists."""
        where, usual = self._look(), self._picker.usual()
        rates = self._rates.on(where)
        found = []
        for rule in RULES:
            fitting = [one for one in listed if rule.purpose in one.purposes and one.holds(rule.context)]
            rough = [_contender(one.parameters, _rough_plan(one, rule.context, usual, where, rates)) for one in fitting]
            looked_at: list[tuple[Pick, Contender]] = []
            for number in preferred(rule, rough)[:_OPENED]:
                pick = self._opened(rule, fitting[number].repo, opened, cancelled)
                if pick is not None:
                    looked_at.append(pick)
                    if pick[0].meets:
                        break
            found += [looked_at[first][0] for first in preferred(rule, [one for _, one in looked_at])[:1]]
        self._answered = _Answered(listed, opened, where, rates, usual)
        return Picks(_joined(found))

    def _lists(self, cancelled: Cancelled) -> list[_Listed]:
        """The same question from every computer: nothing of this one is told."""
        repos: dict[str, tuple[RepoSummary, set[Purpose]]] = {}
        for task, purpose in _TASKS:
            if cancelled():
                raise CancelledError
            page = self._search.first_page(SearchQuery(sort="downloads", task=task), _LISTED)
            if page.stale_since is not None:
                raise HeftError(page.problem)
            for repo in page.repos:
                if repo.parameters and not repo.gated and "GGUF" in repo.formats:
                    repos.setdefault(repo.id, (repo, set()))[1].add(purpose)
        return [self._listed(repo, purposes) for repo, purposes in repos.values()]

    def _listed(self, repo: RepoSummary, purposes: Iterable[Purpose]) -> _Listed:
        told = set(purposes)
        if "chat" in told and (repo.context_length or 0) >= LONG_CONTEXT:
            told.add("long")
        mixture = _ACTIVE.search(repo.id) is not None
        alike = [model for model in self._tables.known_models if model.mixture == mixture]
        like = min(alike, key=lambda model: abs(model.parameters - (repo.parameters or 0)))
        return _Listed(repo, frozenset(told), like)

    def _opened(
        self, rule: Rule, repo: RepoSummary, opened: dict[str, PickedRepo | None], cancelled: Cancelled
    ) -> tuple[Pick, Contender] | None:
        """What the picker says of a repo; None where it recommends nothing, or it is no model to talk with."""
        if cancelled():
            raise CancelledError
        if repo.id not in opened:
            opened[repo.id] = self._open(repo.id, cancelled)
        picked = opened[repo.id]
        if picked is None:
            return None
        goal, context = _looked_at_by(rule)
        view = picked.view(Controls(LoadSettings(context=context), goal))
        row = view.recommended
        if row is None or row.plan is None or not view.kind.writes_text:
            return None
        contender = _contender(float(row.parameters or repo.parameters or 0), row.plan)
        name = repo.id.rpartition("/")[2]
        pick = Pick((rule.role,), name, repo.id, row.variant.name, row.plan, contender.meets(rule))
        return pick, contender

    def _open(self, repo: str, cancelled: Cancelled) -> PickedRepo | None:
        try:
            picked = self._picker.open(repo, own=self._own_place())
            picked.read_first(cancelled)
        except CancelledError:
            raise
        except HeftError as error:  # one repo that cannot be read is passed over
            _log.info("no pick of %s: %s", repo, error.kind)
            return None
        return picked


def _looked_at_by(rule: Rule) -> tuple[Goal, int | None]:
    own = CODING_CONTEXT if rule.goal == "coding" else DEFAULT_CONTEXT
    return rule.goal, None if rule.context == own else rule.context


def _joined(picks: Sequence[Pick]) -> tuple[Pick, ...]:
    """One pick where several roles come to the same load of the same model, and for the same reason."""
    found: dict[tuple[str, str, int, bool], Pick] = {}
    for pick in picks:
        key = (pick.repo, pick.variant, pick.plan.context, pick.meets)
        before = found.get(key)
        found[key] = pick if before is None else replace(before, roles=(*before.roles, *pick.roles))
    return tuple(found.values())


def _contender(parameters: float, plan: LoadPlan) -> Contender:
    speeds = plan.speeds
    rate = speeds.full.expected if speeds is not None else 0.0
    return Contender(
        parameters, plan.fit is not None and plan.fit.fits, rate, speeds.prompt_seconds if speeds else None
    )


def _known_plan(
    model: KnownModel, context: int, usual: LoadSettings, where: TargetMachine, rates: VariantRates
) -> LoadPlan:
    ref = ModelRef(model.name, hub_identity(model.repo, f"{model.name}.gguf"))
    return _planned(ref, model.shape, model.usual_bytes, context, usual, where, rates)


def _rough_plan(one: _Listed, context: int, usual: LoadSettings, where: TargetMachine, rates: VariantRates) -> LoadPlan:
    like = one.like
    size = round(like.usual_bytes * one.parameters / like.parameters)
    return _planned(ModelRef(one.repo.id, one.repo.id), like.shape, size, context, usual, where, rates)


def _planned(
    ref: ModelRef, shape: ModelShape, size: int, context: int, usual: LoadSettings,
    where: TargetMachine, rates: VariantRates,
) -> LoadPlan:  # fmt: skip
    """By formulas, from the shape and the size of the file."""
    asked, weights = (
        LoadSettings(context=min(context, shape.trained_context)).over(usual),
        weights_from_size(shape, size),
    )

    def placed(settings: LoadSettings) -> Fit:
        return estimated(shape, weights, settings, where, longest=False)

    without = replace(asked, flash_attention="off")
    known = Known(shape, weights)
    found = rates.attended(known, USUAL_VARIANT, asked, placed(asked), lambda: placed(without), ref.name)
    return plan_of(ref, asked, found, shape, ModelKind.CHAT)
