"""What is lent: loaded once, when it is asked for, shared by all who ask, and gone when it has to be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from support.lender_computer import GB, Asking, Computer, Desk, a_model, a_plan, refusal

from desktop.core.cancelled import CancelledError, never
from desktop.core.errors import HeftError
from desktop.core.model_kind import ModelKind
from desktop.core.model_ref import ModelRef
from desktop.engine.api import Loaded, Memory
from desktop.engine.endpoint.http import Address
from desktop.services.serve.admission import Holding
from desktop.services.serve.api import ServedModel
from desktop.services.serve.loans import Loan
from desktop.services.serve.room import need_of
from desktop.services.serve.window import NoWindow

SMALL, LARGE, OTHER = a_model("small", 2 * GB), a_model("large", 6 * GB), a_model("other", 5 * GB)
EMBEDS = a_model("embeds", GB, ModelKind.EMBEDDING)


@pytest.fixture
def make() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def desk(total: int = 10 * GB, *models: ServedModel, **more: object) -> Desk:
        made.append(Desk(Computer(total), *(models or (SMALL, LARGE, OTHER, EMBEDS)), **more))
        return made[-1]

    yield desk
    for each in made:
        each.computer.gate.set()
        each.lender.close()
        assert each.computer.running == [] and each.computer.deaths == 0


def phases(desk: Desk) -> dict[str, str]:
    return {state.model.name: state.phase for state in desk.lender.states() if state.phase != "unloaded"}


def test_many_who_ask_at_once_wait_for_one_load_and_share_it(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.computer.gate.clear()
    asking = [Asking(desk, SMALL) for _ in range(6)]
    assert desk.computer.loading.acquire(timeout=30)
    assert phases(desk) == {"small": "loading"}
    desk.computer.gate.set()
    leases = [one.done().lease for one in asking]
    assert len({lease.address.port for lease in leases if lease is not None}) == 1 and None not in leases
    assert desk.computer.started == 1
    assert [(state.phase, state.leases) for state in desk.lender.states() if state.model is SMALL] == [("answering", 6)]
    for lease in leases:
        assert lease is not None
        lease.release()
        lease.release()
    assert phases(desk) == {"small": "ready"}
    desk.lender.acquire(SMALL, "text", never).release()
    assert desk.computer.started == 1


def test_a_load_that_nobody_waits_for_any_more_is_given_up_and_leaves_nothing(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.computer.gate.clear()
    first, second = Asking(desk, SMALL), Asking(desk, SMALL)
    assert desk.computer.loading.acquire(timeout=30)
    first.cancelled.set()
    assert isinstance(first.done().error, CancelledError)
    assert second.waits and desk.computer.holds() == ["small"]
    second.cancelled.set()
    assert isinstance(second.done().error, CancelledError)
    desk.until(lambda: desk.computer.holds() == [] and phases(desk) == {})
    desk.computer.gate.set()
    desk.lender.acquire(SMALL, "text", never).release()


def test_a_failed_load_is_told_to_all_who_waited_and_tried_again_for_the_next(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.computer.gate.clear()
    desk.computer.refuse = refusal()
    asking = [Asking(desk, SMALL) for _ in range(3)]
    assert desk.computer.loading.acquire(timeout=30)
    desk.until(lambda: sum(one.waits for one in asking) == 3)
    desk.computer.gate.set()
    assert [str(one.done().error) for one in asking] == ["It is broken."] * 3
    desk.computer.refuse = None
    desk.lender.acquire(SMALL, "text", never).release()


def test_a_server_that_died_is_loaded_again_for_the_next(make: Callable[..., Desk]) -> None:
    desk = make()
    lease = desk.lender.acquire(SMALL, "text", never)
    desk.computer.running[0].die()
    desk.until(lambda: phases(desk) == {})
    lease.release()
    again = desk.lender.acquire(SMALL, "text", never)
    assert again.address != lease.address
    again.release()


def test_what_is_idle_goes_for_what_is_asked_for(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.lender.acquire(LARGE, "text", never).release()
    desk.lender.acquire(SMALL, "text", never).release()
    assert sorted(desk.computer.holds()) == ["large", "small"]
    desk.lender.acquire(OTHER, "text", never).release()
    assert sorted(desk.computer.holds()) == ["other", "small"], "the small one need not go"


def test_what_answers_is_never_taken_away_and_they_take_turns(make: Callable[..., Desk]) -> None:
    desk = make()
    answering = desk.lender.acquire(LARGE, "text", never)
    waiting = Asking(desk, OTHER)
    desk.until(lambda: "other" in desk.planned)
    late = Asking(desk, LARGE)  # came after: it does not keep the other one waiting for ever
    assert waiting.waits and desk.computer.holds() == ["large"]
    answering.release()
    lease = waiting.done().lease
    assert lease is not None and desk.computer.holds() == ["other"]
    lease.release()
    late_lease = late.done().lease
    assert late_lease is not None and desk.computer.holds() == ["large"]
    late_lease.release()


def test_who_waits_for_a_model_in_use_may_give_up(make: Callable[..., Desk]) -> None:
    desk = make()
    answering = desk.lender.acquire(LARGE, "text", never)
    waiting = Asking(desk, OTHER)
    desk.until(lambda: "other" in desk.planned)
    waiting.cancelled.set()
    assert isinstance(waiting.done().error, CancelledError)
    answering.release()
    desk.until(lambda: set(phases(desk)) <= {"large"})


def test_what_can_never_fit_is_refused_with_figures(make: Callable[..., Desk]) -> None:
    desk = make(4 * GB)
    with pytest.raises(HeftError) as refused:
        desk.lender.acquire(LARGE, "text", never)
    assert refused.value.kind == "out-of-memory"
    assert refused.value.message == "large needs 6.0 GB of main memory; 4.0 GB can be had."
    assert desk.computer.started == 0 and phases(desk) == {}
    desk.lender.acquire(SMALL, "text", never).release()


def test_what_does_not_get_free_in_time_is_refused_with_figures(make: Callable[..., Desk]) -> None:
    desk = make(wait_seconds=30.0)
    answering = desk.lender.acquire(LARGE, "text", never)
    waiting = Asking(desk, OTHER)
    desk.until(lambda: "other" in desk.planned)
    desk.now += 31
    desk.lender.look_again()
    error = waiting.done().error
    assert error is not None and error.kind == "busy"
    assert error.message.startswith("other needs 5.0 GB of main memory; 4.0 GB of 10.0 GB are free"), error.message
    answering.release()


def test_memory_of_loads_under_way_counts(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.computer.gate.clear()
    first = Asking(desk, LARGE)
    assert desk.computer.loading.acquire(timeout=30)
    second, third = Asking(desk, OTHER), Asking(desk, SMALL)
    desk.until(lambda: "other" in desk.planned)
    assert desk.computer.holds() == ["large"]
    desk.computer.gate.set()
    for one in (first, second, third):
        lease = one.done().lease
        assert lease is not None
        lease.release()
    assert desk.computer.most_used <= desk.computer.total


def test_idle_time_counts_from_the_last_use_and_never_under_a_lease(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.idle_seconds = 60
    lease = desk.lender.acquire(SMALL, "text", never)
    desk.now += 100
    desk.lender.look_again()
    assert phases(desk) == {"small": "answering"}
    lease.release()
    desk.now += 59
    desk.lender.look_again()
    assert phases(desk) == {"small": "ready"}
    assert next(state.idle_until for state in desk.lender.states() if state.model is SMALL)
    desk.now += 2
    desk.lender.look_again()
    desk.until(lambda: desk.computer.holds() == [])
    assert phases(desk) == {}


def test_unloading_waits_for_the_answer(make: Callable[..., Desk]) -> None:
    desk = make()
    lease = desk.lender.acquire(SMALL, "text", never)
    desk.lender.unload(SMALL)
    assert desk.computer.holds() == ["small"]
    lease.release()
    desk.until(lambda: desk.computer.holds() == [])
    desk.lender.unload(SMALL)
    desk.lender.acquire(SMALL, "text", never).release()
    assert desk.computer.started == 2


def test_a_model_is_lent_for_what_it_is_made_for(make: Callable[..., Desk]) -> None:
    desk = make()
    with pytest.raises(HeftError) as refused:
        desk.lender.acquire(EMBEDS, "text", never)
    assert refused.value.kind == "cannot-chat" and "embedding model" in refused.value.message
    with pytest.raises(HeftError) as refused:
        desk.lender.acquire(SMALL, "embedding", never)
    assert refused.value.message == "small is a chat model: it cannot turn text into vectors."
    assert refused.value.kind == "cannot-embed"
    desk.lender.acquire(EMBEDS, "embedding", never).release()


def test_what_is_wanted_beside_others_unloads_nothing_and_goes_with_its_last_lease(make: Callable[..., Desk]) -> None:
    desk = make(7 * GB)
    large = Asking(desk, LARGE).done().lease
    assert large is not None
    large.release()
    beside = desk.lender.acquire_beside(EMBEDS, never)
    again = desk.lender.acquire_beside(EMBEDS, never)
    assert desk.computer.holds() == ["large", "embeds"]
    beside.release()
    assert phases(desk)["embeds"] == "answering"
    again.release()
    desk.until(lambda: desk.computer.holds() == ["large"])


def test_without_room_beside_the_others_it_is_refused_with_figures_and_they_stay(make: Callable[..., Desk]) -> None:
    desk = make(6.5 * GB)
    large = Asking(desk, LARGE).done().lease
    assert large is not None
    large.release()
    with pytest.raises(HeftError) as refused:
        desk.lender.acquire_beside(EMBEDS, never)
    assert refused.value.kind == "out-of-memory" and "500.0 MB are free" in refused.value.message
    assert desk.computer.holds() == ["large"]


def test_what_a_program_wants_as_well_stays_when_the_documents_are_read(make: Callable[..., Desk]) -> None:
    desk = make()
    beside = desk.lender.acquire_beside(EMBEDS, never)
    theirs = desk.lender.acquire(EMBEDS, "embedding", never)
    theirs.release()
    beside.release()
    assert phases(desk) == {"embeds": "ready"}


def test_nothing_is_lent_once_it_is_closed(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.computer.gate.clear()
    asking = Asking(desk, SMALL)
    assert desk.computer.loading.acquire(timeout=30)
    desk.lender.close()
    assert asking.done().error is not None
    with pytest.raises(HeftError):
        desk.lender.acquire(SMALL, "text", never)


def test_listeners_hear_of_each_change_until_they_leave(make: Callable[..., Desk]) -> None:
    desk = make()
    heard: list[dict[str, str]] = []
    leave = desk.lender.subscribe(lambda: heard.append(phases(desk)))
    desk.lender.acquire(SMALL, "text", never).release()
    assert {"small": "loading"} in heard and {"small": "answering"} in heard and heard[-1] == {"small": "ready"}
    leave()
    count = len(heard)
    desk.lender.acquire(SMALL, "text", never).release()
    assert len(heard) == count


def test_what_is_not_loaded_says_what_would_have_to_go_or_that_it_is_too_large(make: Callable[..., Desk]) -> None:
    huge = a_model("huge", 40 * GB)
    desk = make(10 * GB, SMALL, LARGE, OTHER, huge, prospect=a_plan)
    desk.lender.acquire(LARGE, "text", never).release()
    desk.until(lambda: desk.state(OTHER).would_go == ("large",))
    assert desk.state(SMALL).would_go == () and desk.state(SMALL).plan == a_plan(SMALL)
    assert desk.state(huge).too_large == "huge needs 40.0 GB of main memory; 10.0 GB can be had."
    assert desk.state(huge).would_go == () and not desk.state(OTHER).too_large
    assert desk.planned == ["large"], "nothing is planned for real that nobody asked for"


def test_a_request_gets_the_context_of_what_is_loaded_else_of_what_would_be(make: Callable[..., Desk]) -> None:
    desk = make(10 * GB, SMALL, LARGE, context=lambda model: len(model.name))
    assert [desk.lender.context(model) for model in (SMALL, LARGE)] == [5, 5]
    lease = desk.lender.acquire(SMALL, "text", never)
    assert desk.lender.context(SMALL) == lease.plan.context > 5 and desk.lender.context(LARGE) == 5


def test_the_windows_load_makes_the_same_model_and_what_is_in_its_way_go(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.lender.acquire(SMALL, "text", never).release()
    desk.lender.acquire(LARGE, "text", never).release()
    desk.lender.make_way(a_plan(SMALL), never)
    assert desk.computer.holds() == ["large"]
    desk.lender.make_way(a_plan(OTHER), never)
    assert desk.computer.holds() == []


def test_the_windows_load_waits_for_answers_and_can_be_given_up(make: Callable[..., Desk]) -> None:
    desk = make()
    lease = desk.lender.acquire(LARGE, "text", never)
    looks = iter(range(10))
    with pytest.raises(CancelledError):
        desk.lender.make_way(a_plan(OTHER), lambda: next(looks, 9) >= 5)
    assert desk.computer.holds() == ["large"]
    waits = threading.Event()
    waiting = threading.Thread(target=desk.lender.make_way, args=(a_plan(OTHER), never, waits.set))
    waiting.start()
    assert waits.wait(30)
    lease.release()
    waiting.join(30)
    assert not waiting.is_alive() and desk.computer.holds() == []


def test_what_fits_nowhere_is_the_windows_own_affair(make: Callable[..., Desk]) -> None:
    desk = make(10 * GB)
    desk.lender.acquire(SMALL, "text", never).release()
    desk.lender.make_way(a_plan(a_model("huge", 40 * GB)), never)
    assert desk.computer.holds() == [], "it gets all there is"


class ItsWindow(NoWindow):
    """A window that holds one model, and lends it."""

    def __init__(self, model: ServedModel) -> None:
        self.model, self.busy, self.lent = model, False, 0
        self.gone = False

    def lend(self, ref: ModelRef) -> Loan | None:
        if self.gone or ref != self.model.ref:
            return None
        self.lent += 1
        plan = a_plan(self.model)
        return Loan(plan, Loaded("", "", 1, 1, 1, 0, 1, "model", Memory(0, 0, 0, 0, 0, 0), 0.1), Address(), self.back)

    def back(self) -> None:
        self.lent -= 1

    def holdings(self) -> tuple[Holding, ...]:
        if self.gone:
            return ()
        return (Holding("window 0", need_of(a_plan(self.model)), self.busy or self.lent > 0, 100.0, last=True),)

    def let_go(self) -> None:
        self.gone = True


def test_the_windows_model_is_lent_and_goes_last(make: Callable[..., Desk]) -> None:
    window = ItsWindow(OTHER)
    desk = make(10 * GB, window=window)
    lease = desk.lender.acquire(OTHER, "text", never)
    assert desk.computer.started == 0 and window.lent == 1
    lease.release()
    lease.release()
    assert window.lent == 0
    desk.lender.acquire(SMALL, "text", never).release()
    desk.lender.acquire(a_model("third", 3 * GB), "text", never).release()
    assert not window.gone and desk.computer.holds() == ["small", "third"]
    desk.lender.acquire(a_model("fourth", 4 * GB), "text", never).release()
    assert not window.gone, "the other two had to go"
    desk.lender.acquire(LARGE, "text", never).release()
    assert window.gone and desk.computer.holds() == ["fourth", "large"], "it alone had to go"
