"""A check of a whole file is a job: it is in the list, says how far it is, and can be cancelled there."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from desktop.core.cancelled import CancelledError
from desktop.core.progress import Progress
from desktop.hub.client import HubClient
from desktop.services.inspect.inspection import InspectionService
from desktop.services.jobs import JobService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore

WAIT = 20.0


def test_a_check_is_listed_and_cancelled_in_the_list(paths: Paths, tmp_path: Path, starter_model: Path) -> None:
    jobs = JobService()
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    service = InspectionService(paths, library, HubClient(), jobs=jobs)
    reading, go_on = threading.Event(), threading.Event()
    ended: list[BaseException] = []

    def step(_progress: Progress) -> None:
        reading.set()
        assert go_on.wait(WAIT)

    def check() -> None:
        with closing(service.open(str(starter_model))) as inspected:
            try:
                service.check(inspected, progress=step)
            except CancelledError as error:
                ended.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    assert reading.wait(WAIT)
    (job,) = jobs.jobs()
    assert (job.kind, job.phase, job.resumable) == ("check", "running", False)
    assert job.name.startswith("Check of ")
    jobs.cancel(job.id)
    assert jobs.jobs() == ()
    go_on.set()
    thread.join(WAIT)
    assert len(ended) == 1
    jobs.close()


def test_a_check_that_ends_is_done(paths: Paths, tmp_path: Path, starter_model: Path) -> None:
    jobs = JobService()
    library = LibraryService(paths, SettingsStore(paths.settings), environ={}, home=tmp_path / "home")
    service = InspectionService(paths, library, HubClient(), jobs=jobs)
    with closing(service.open(str(starter_model))) as inspected:
        assert service.check(inspected) == ()
    assert [(job.phase, job.progress.fraction) for job in jobs.jobs()] == [("done", 1.0)]
