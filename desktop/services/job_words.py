"""A job in a person's words: for the window and for ``heft jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desktop.core.progress import Progress
from desktop.core.units import human_bytes, human_time
from desktop.core.words import counted, tr
from desktop.services.job_kinds import Job
from desktop.services.models.downloads_records import DOWNLOAD


def job_words(job: Job) -> str:
    """A job's state in one line, figures first: what it is at may be a long name."""
    if job.phase == "done":
        done = tr("verified · {total}", total=human_bytes(job.progress.total)) if job.kind == DOWNLOAD else tr("done")
        return job.outcome or done
    if job.error is not None:
        return f"{job.error.message} {job.error.hint}".strip()
    if job.phase != "running":
        return _joined(_phase_words(job), _how_far(job.progress))
    return step_words(job.progress) or tr("working")


def step_words(step: Progress) -> str:
    """How far work is that runs, in one line; "" where nothing is known."""
    speed = f"{human_bytes(step.speed)}/s" if step.speed and step.unit == "bytes" else ""
    left = tr("{seconds_left} left", seconds_left=human_time(step.seconds_left)) if step.seconds_left else ""
    return _joined(_how_far(step), speed, left, step.note)


def resume_word(anew: bool, kind: str) -> str:
    """What the one button says that goes on with a job of a kind, or begins it ``anew``."""
    if not anew:
        return tr("Resume")
    return tr("Download again") if kind == DOWNLOAD else tr("Try again")


def progress_in_words(job: Job) -> Progress:
    """How far a job is, for those who wait for it: one that stands still says why."""
    return job.progress if job.phase == "running" else replace(job.progress, note=_phase_words(job))


def jobs_words(jobs: Sequence[Job]) -> str:
    """All of them in a few words: ``↓ 2 downloads · 34.0 MB/s · 1 job``; "" where none runs and none waits for a
    person."""
    active = [job for job in jobs if job.active]
    downloads = [job for job in active if job.kind == DOWNLOAD]
    words = []
    if downloads:
        words.append(f"↓ {counted(len(downloads), 'download')}")
        rate = sum(job.progress.speed or 0.0 for job in downloads)
        words += [f"{human_bytes(rate)}/s"] if rate else []
    others = [job for job in active if job.kind != DOWNLOAD]
    if others:
        words.append(counted(len(others), "job"))
        if len(active) == 1 and others[0].progress.known:
            words.append(f"{others[0].progress.fraction:.0%}")
    if not active:
        for phase in ("failed", "paused"):
            count = sum(job.phase == phase for job in jobs)
            words += [f"{count} {phase}"] if count else []
    return " · ".join(words)


def _phase_words(job: Job) -> str:
    return tr("waiting for its turn") if job.phase == "queued" else job.phase


def _how_far(step: Progress) -> str:
    if not step.known:
        return ""
    if step.unit == "bytes":
        return tr("{done} of {total}", done=human_bytes(step.done), total=human_bytes(step.total))
    return f"{step.fraction:.0%}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
