"""``heft jobs``: all long work, of the running window or kept for the next one; pause, resume or cancel it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from desktop.cli.output import print_json, print_note, print_text, table
from desktop.core.errors import HeftError, UsageError
from desktop.core.failures import FailureKind
from desktop.services import jobs_channel
from desktop.services.container import Container
from desktop.services.job_kinds import Job
from desktop.services.jobs_left import take_up
from desktop.services.single_instance import ask
from desktop.store.paths import Paths, default_paths

_ACTIONS = ("pause", "resume", "cancel", "clear")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("action", nargs="?", choices=_ACTIONS, help="what to do with a job; without it, list them")
    parser.add_argument("id", nargs="?", help="the job's id, or how it begins")


def run(args: argparse.Namespace) -> int:
    """List, after doing what was asked for. Raises NotFoundError for an unknown job."""
    if args.action and not args.id:
        raise UsageError("Name the job.", f"See the ids: heft jobs. For example: heft jobs {args.action} 3f2a")
    paths = default_paths()
    told = ask(paths.data, jobs_channel.request(args.action or "", args.id or ""))
    window = told is not None
    document = told if told is not None else _kept(paths, args.action or "", args.id or "")
    if "error" in document:
        error = document["error"]
        raise HeftError(error["message"], error["hint"], kind=error["kind"])
    if args.json:
        print_json({"jobs": [{key: value for key, value in job.items() if key != "words"} for job in document["jobs"]]})
        return 0
    if document["jobs"]:
        print_text(table(["ID", "KIND", "STATE", "NAME", ""], [_row(job) for job in document["jobs"]]))
    else:
        print_text("Nothing to do.")
    if not window and any(job["state"] == "queued" for job in document["jobs"]):
        print_note("heft: The window is not open; what is queued goes on when it opens next.")
    return 0


def _row(job: dict[str, Any]) -> list[str]:
    return [job["id"], job["kind"], job["state"], job["name"], job["words"]]


def _kept(paths: Paths, action: str, job_id: str) -> dict[str, Any]:
    """Without a window: the jobs that wait on disk."""
    container = Container(paths, lambda error: None)
    jobs, downloads = container.jobs, container.downloads
    jobs.hold()
    take_up(container)
    try:
        if action and downloads.elsewhere(jobs_channel.find(jobs.jobs(), job_id).id):
            raise HeftError(
                "Another Heft, started by a command, is working on this.", "Press Ctrl+C there: that pauses it.",
                kind=FailureKind.BUSY,
            )  # fmt: skip
        told = jobs_channel.answer(jobs, jobs_channel.request(action, job_id))
        if "jobs" in told:
            told["jobs"] = [jobs_channel.document(_with_others(container, job)) for job in jobs.jobs()]
        return told
    finally:
        container.close()


def _with_others(container: Container, job: Job) -> Job:
    return replace(job, phase="running") if container.downloads.elsewhere(job.id) else job
