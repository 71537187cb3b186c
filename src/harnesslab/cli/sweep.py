"""harnesslab sweep: run a grid of models x harnesses x suites."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def command(
    config: Annotated[str, typer.Argument(help="a .toml file, or the name of a shipped config")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show cells, memory, time, servers; run nothing")] = False,
    model: Annotated[list[str] | None, typer.Option(help="run these models instead of the config's")] = None,
    ablate: Annotated[
        str | None,
        typer.Option(metavar="HARNESS", help="add it without each of its layers, and each layer alone over loop"),
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="instead of the config's")] = None,
    max_hours: Annotated[float, typer.Option(min=0, help="start no further trial after this; 0: no bound")] = 0.0,
    engine: Annotated[
        Literal["llama", "scripted"], typer.Option(help="scripted: oracles with mistakes in the models' place, a demo")
    ] = "llama",
    out: Annotated[Path | None, typer.Option(help="the sweep's folder; default ./sweeps/NAME")] = None,
    memo: Annotated[bool, typer.Option("--memo/--no-memo", help="compute a reply that arms share only once")] = True,
    allow_other_build: Annotated[
        bool, typer.Option("--allow-other-build", help="go on although llama.cpp is another build")
    ] = False,
) -> None:
    """Run a grid of models x harnesses x suites. The same command again resumes; Ctrl-C loses only trials in flight."""
    from harnesslab import config as configs
    from harnesslab.lab.folders import folder_of
    from harnesslab.plan import make_plan

    settings, text = configs.load(configs.find(config))
    apart = configs.AblationChoice(harness=ablate) if ablate else None
    changed = {k: v for k, v in (("models", model or None), ("repeats", repeats), ("ablate", apart)) if v}
    settings = settings.model_copy(update=changed)
    scripted = engine == "scripted"
    plan = make_plan(settings, scripted=scripted)
    for warning in plan.warnings:
        print(f"note: {warning}", file=sys.stderr)
    if not scripted:
        from harnesslab.cli.doctor import gpu_hint

        if hint := gpu_hint():
            print(f"note: {hint}", file=sys.stderr)
    folder = folder_of(f"{settings.name}-scripted" if scripted else settings.name, out)
    if dry_run:
        from harnesslab.lab.estimate import print_estimate

        print_estimate(plan, folder, scripted=scripted)
        return
    from harnesslab.lab.sweep import Options, run_sweep

    options = Options(max_hours=max_hours, memo=memo, allow_other_build=allow_other_build)
    result = run_sweep(plan, folder, config_text=text, scripted=scripted, options=options)
    if result.finished or result.stored_before:
        from harnesslab.cli.report import show

        show(folder)
    for problem in result.problems:
        print(f"error: {problem}", file=sys.stderr)
    left = result.planned - result.stored_before - result.finished + result.missing
    if not left:
        if not result.finished:
            print(f"nothing to do: all {result.planned} trials are stored in {folder}")
        return
    print(f"{left} of {result.planned} trials are left. Go on with:\n  harnesslab {shlex.join(sys.argv[1:])}")
    raise typer.Exit({"interrupted": 130, "time": 0}.get(result.stopped, 1))
