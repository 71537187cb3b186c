"""`harnesslab suites`: what there is to run, and the proof that it measures something."""

from __future__ import annotations

from typing import Annotated

import typer

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
    name: Annotated[str, typer.Argument(help='A suite\'s name, or "package.module:factory" for one of your own.')],
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 1,
    n: Annotated[int | None, typer.Option(help="Number of tasks; the suite's own default if left out.")] = None,
    split: Annotated[str, typer.Option(help="eval, or dev: the draw that difficulty was calibrated on.")] = "eval",
) -> None:
    """Prove a suite: oracle 100 %, agents that know nothing 0, the same in every process. Exit status 1 if it fails."""
    from harnesslab.suites.check import check_named

    findings = check_named(name, seed=seed, n=n, split=split)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<{width}}  {finding.figure}")
        if not finding.ok and finding.against:
            print(f"      against: {', '.join(dict.fromkeys(finding.against))}")
    failed = sum(not finding.ok for finding in findings)
    print(f"{len(findings) - failed} of {len(findings)} proofs hold")
    if failed:
        raise typer.Exit(1)
