"""`harnesslab suites`: what there is to run, and the proof that it measures something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

_SHOWN = 8  # tasks that are named below a proof

app = typer.Typer(
    help="List suites, and prove that they measure something.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_suites(seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 1) -> None:
    """Show the suites that are built in."""
    from collections import Counter

    from harnesslab.suites.registry import load_suite, suite_names

    for name in suite_names():
        suite = load_suite(name, seed=seed)
        tiers = Counter(task.tier for task in suite.tasks)
        print(f"{suite.name}  version {suite.version}  {getattr(suite, 'summary', '')}".rstrip())
        sizes = ", ".join(f"{count} {tier}" for tier, count in tiers.items())
        print(f"  {len(suite.tasks)} tasks from {len({t.base for t in suite.tasks})} templates: {sizes}")


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help='A suite\'s name; of your own: "./folder", or "package.module:factory".')],
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 1,
    n: Annotated[int | None, typer.Option(help="Number of tasks; the suite's own default if left out.")] = None,
    split: Annotated[str, typer.Option(help="eval, or dev: the draw that difficulty was calibrated on.")] = "eval",
) -> None:
    """Prove a suite: oracle 100 %, agents that know nothing 0, the same in every process. Exit status 1 if it fails."""
    from harnesslab.suites.check import check_named

    findings = check_named(name, seed=seed, n=n, split=split)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        verdict = ("look" if finding.against else "ok  ") if finding.ok else "FAIL"
        print(f"{verdict}  {finding.name:<{width}}  {finding.figure}")
        if finding.against:
            _print_few("against", dict.fromkeys(finding.against), ", ")
        if finding.faults:
            _print_few("raised", finding.faults, "; ")
    failed = sum(not finding.ok for finding in findings)
    print(f"{len(findings) - failed} of {len(findings)} proofs hold")
    if failed:
        raise typer.Exit(1)


def _print_few(what: str, items: Iterable[str], between: str) -> None:
    """The first few items below their proof, in 80 columns."""
    import textwrap

    listed = list(items)
    more = f"{between}and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    text = f"{what}: {between.join(listed[:_SHOWN])}{more}"
    print(textwrap.fill(text, 80, initial_indent=" " * 6, subsequent_indent=" " * 8, break_on_hyphens=False))
