"""The list of jobs for another process: ``heft jobs`` asks the running window, or changes what is kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desktop.core.errors import HeftError, NotFoundError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.job_kinds import Job
from desktop.services.job_words import job_words
from desktop.services.jobs import JobService

ASK = "jobs"  # what a request to the running window says it is about


def request(action: str = "", job_id: str = "") -> dict[str, Any]:
    """What to ask the window: to do something with a job, if an action is named, and then for the list."""
    return {"ask": ASK, "action": action, "id": job_id}


def answer(jobs: JobService, asked: dict[str, Any]) -> dict[str, Any]:
    """The list after what was asked for is done, or ``{"error": ...}``; on any thread but the GUI's."""
    try:
        action, job_id = str(asked.get("action", "")), str(asked.get("id", ""))
        if action:
            jobs.steer(action, find(jobs.jobs(), job_id).id)
        return {"jobs": [document(job) for job in jobs.jobs()]}
    except HeftError as error:
        return {"error": error.as_dict()}


def find(jobs: Sequence[Job], job_id: str) -> Job:
    """The job with an id, or with one that begins so. NotFoundError without one, or with several."""
    found = [job for job in jobs if job.id == job_id] or [job for job in jobs if job_id and job.id.startswith(job_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(
            tr("Several jobs begin with '{job_id}'.", job_id=job_id),
            tr("Write more of the id."),
            kind=FailureKind.AMBIGUOUS,
        )
    raise NotFoundError(tr("There is no job '{job_id}'.", job_id=job_id), tr("See what there is: heft jobs"))


def document(job: Job) -> dict[str, Any]:
    """A job as ``heft jobs --json`` tells it. ``speed`` is in bytes per second, ``seconds_left`` in seconds."""
    step = job.progress
    return {
        "id": job.id,
        "kind": job.kind,
        "name": job.name,
        "state": job.phase,
        "fraction": round(step.fraction, 6) if step.known else None,
        "speed": step.speed,
        "seconds_left": step.seconds_left,
        "outcome": job.outcome,
        "error": job.error.as_dict() if job.error is not None else None,
        "words": job_words(job),
    }
