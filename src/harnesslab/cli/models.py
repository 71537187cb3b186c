"""harnesslab models: what is known, what is here, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from harnesslab.models.discover import Found
    from harnesslab.models.entry import ModelEntry
    from harnesslab.models.gguf import GgufFacts
    from harnesslab.models.registry import Registry

app = typer.Typer(
    help="Known models, their files and their memory needs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

CONTEXTS = (4096, 8192, 16384, 32768, 65536, 131072)
ALWAYS = {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "raise_exception", "strftime_now"}


@app.command("list")
def list_models() -> None:
    """Models known by name, and GGUF files other programs have put on this machine."""
    from rich.console import Console
    from rich.table import Table

    from harnesslab.models import discover
    from harnesslab.models.registry import load_registry
    from harnesslab.models.sources import gb

    console, registry, found = Console(highlight=False), load_registry(), discover.found()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "quant", "size", "here", "licence"):
        table.add_column(column, justify="right" if column == "size" else "left", no_wrap=column != "licence")
    for name in registry.names():
        entry, others = registry.entries[name], registry.quants[name]
        quant = ", ".join(others) or ("server" if entry.engine == "openai" else "-")
        size = gb(entry.bytes) if entry.bytes else "-"
        table.add_row(name, quant, size, _here(registry, name, found), entry.licence or "-")
    console.print(table)
    known = {e.sha256 for quants in registry.quants.values() for e in quants.values()}
    strangers = [f for f in found if f.path.resolve().name.removeprefix("sha256-") not in known]
    if strangers:
        console.print("\nAlso on this machine (usable by path, or: harnesslab models add NAME PATH):")
        for file in strangers:
            console.print(f"  {file.origin}: {file.name} ({gb(file.path.stat().st_size)})")
            console.print(f"    {file.path}", soft_wrap=True)


def _here(registry: Registry, name: str, found: list[Found]) -> str:
    """Which quants lie here, by name and length only; the hash is checked before a file is used."""
    from harnesslab.models.discover import same_file
    from harnesslab.models.entry import PathSource
    from harnesslab.paths import models_dir

    places = []
    for entry in registry.quants[name].values() or (registry.entries[name],):
        own = [s.path for s in entry.sources if isinstance(s, PathSource)] + [models_dir() / entry.file]
        if entry.file and any(p.is_file() and entry.bytes in (0, p.stat().st_size) for p in own):
            places.append("yes")
        elif same := same_file(entry, found):
            places.append(same[0].origin)
    return ", ".join(dict.fromkeys(places)) or "-"


@app.command()
def pull(models: Annotated[list[str], typer.Argument(help="names, name:QUANT, or hf:owner/repo/file.gguf")]) -> None:
    """Fetch model files, checked by sha256. An interrupted download goes on where it stopped."""
    from harnesslab.models.fetch import ensure
    from harnesslab.models.registry import load_registry

    registry = load_registry()
    for spec in models:
        print(ensure(registry.get(spec)))


@app.command()
def info(model: Annotated[str, typer.Argument(help="name, name:QUANT, FILE.gguf, or hf:owner/repo/file.gguf")]) -> None:
    """What a model's entry and file say, and how much memory it needs by context."""
    from rich.console import Console

    from harnesslab.models.fetch import local
    from harnesslab.models.gguf import read_facts
    from harnesslab.models.registry import load_registry

    entry = load_registry().get(model)
    console = Console(highlight=False)
    _print_pairs(console, _entry_facts(entry))
    if entry.engine != "llama":
        return
    path = local(entry, progress=True)
    if path is None:
        console.print(f"\nnot on this machine yet: harnesslab models pull {model}", soft_wrap=True)
        return
    facts = read_facts(path)
    console.print()
    _print_pairs(console, _file_facts(entry, facts))
    console.print()
    _print_memory(console, entry, facts)


def _print_pairs(console: Console, pairs: list[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            table.add_row(name, value)
    console.print(table)


def _entry_facts(entry: ModelEntry) -> list[tuple[str, str]]:
    from harnesslab.models.sources import gb

    sampling = {s: getattr(entry.sampling, s) for s in ("temperature", "top_k", "top_p", "min_p", "repeat_penalty")}
    return [
        ("model", entry.name),
        ("server", entry.base_url and f"{entry.remote_model or entry.name} at {entry.base_url}"),
        ("file", entry.file),
        ("size", gb(entry.bytes) if entry.bytes else ""),
        ("sha256", entry.sha256),
        ("licence", entry.licence),
        ("sources", "\n".join(map(str, entry.sources))),
        ("sampling", ", ".join(f"{k} {v:g}" for k, v in sampling.items())),
        ("", entry.sampling_source and f"from: {entry.sampling_source}"),
        ("context", f"{entry.load.n_ctx:,} tokens per trial, KV {entry.load.kv_type}"),
        ("template args", ", ".join(f"{k}={v}" for k, v in entry.template_args.items())),
    ]


def _file_facts(entry: ModelEntry, facts: GgufFacts) -> list[tuple[str, str]]:
    from harnesslab.engine.dialects import detect
    from harnesslab.models.entry import edited

    template = edited(entry.chat_template or facts.chat_template, entry.template_edits)
    dialect = entry.dialect or f"{detect(template, facts.architecture)} (detected)"
    window = f", sliding window {facts.n_swa:,}" if facts.n_swa else ""
    experts = f", {facts.n_experts} experts" if facts.n_experts else ""
    heads = (
        f"{facts.n_layers} layers, width {facts.n_embd:,}, {facts.n_head} heads, {facts.n_head_kv} of keys and values"
    )
    return [
        ("path", str(facts.path)),
        ("architecture", f"{facts.architecture} {facts.size_label} {facts.quant}".strip() + experts),
        ("shape", heads),
        ("trained for", f"{facts.n_ctx_train:,} tokens{window}"),
        ("vocabulary", f"{facts.n_vocab:,} tokens, begin {facts.bos}, end {facts.eos}"),
        ("dialect", dialect),
        ("template", f"{len(template):,} characters" if template else "none: harnesslab's own is used"),
        ("switches", ", ".join(_switches(template))),
    ]


def _switches(template: str) -> list[str]:
    """Names a chat template reads and nobody must set: what template_args may turn."""
    from jinja2 import Environment, TemplateSyntaxError, meta

    try:
        tree = Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"]).parse(template)
    except TemplateSyntaxError:
        return []
    return sorted(meta.find_undeclared_variables(tree) - ALWAYS)


def _print_memory(console: Console, entry: ModelEntry, facts: GgufFacts) -> None:
    from rich.table import Table

    from harnesslab.models.memory import estimate
    from harnesslab.models.sources import gb

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in ("context", "weights", f"KV {entry.load.kv_type}", "buffers", "together"):
        table.add_column(column, justify="right")
    most = max(facts.n_ctx_train, entry.load.n_ctx)
    for n_ctx in sorted({c for c in CONTEXTS if c <= most} | {entry.load.n_ctx}):
        need = estimate(facts, n_ctx, entry.load.kv_type)
        table.add_row(f"{n_ctx:,}", gb(need.weights), gb(need.kv), gb(need.buffers), gb(need.total))
    console.print(table)
    console.print("Estimated, for one trial: VRAM with all layers on a GPU, host memory with none.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="what to call it")],
    source: Annotated[
        str, typer.Argument(help="FILE.gguf, hf:owner/repo/file.gguf, URL of a GGUF file or of a server")
    ],
    n_ctx: Annotated[int, typer.Option(help="tokens one trial may occupy")] = 0,
    sha256: Annotated[str, typer.Option(help="the publisher's hash, where the file is not here yet")] = "",
    dialect: Annotated[str, typer.Option(help="tool-call dialect; detected if left out")] = "",
    remote_model: Annotated[str, typer.Option(help="server: its name for the model")] = "",
    api_key_env: Annotated[str, typer.Option(help="server: environment variable that holds the key")] = "",
) -> None:
    """Add a model of your own to your models.toml. A file is used where it lies and never changed."""
    from harnesslab.models import own
    from harnesslab.models.registry import load_registry

    registry = load_registry()
    table = own.describe(source, registry)
    extra = {"dialect": dialect, "remote_model": remote_model, "api_key_env": api_key_env, "sha256": sha256}
    table |= {key: value for key, value in extra.items() if value}
    if n_ctx:
        table["load"] = {"n_ctx": n_ctx}
    own.add(name, table, registry.user_file)
    print(f"{name} is in {registry.user_file}")
