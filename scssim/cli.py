"""The command line: reads arguments, calls the public functions, prints.

Exit codes: 0 success; 2 something that the user can mend, told in one message; 130 interrupted;
1 a defect of the program. Everything heavy is imported inside the commands, so that help is quick.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scssim.errors import ScenarioError, ScssimError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="scssim",
    help="Simulate outcomes, quality of life and costs of spinal cord stimulation and its alternatives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Engine(StrEnum):
    """Ways to play a scenario."""

    cohort = "cohort"
    des = "des"


ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO", help="A file, or the name of a shipped scenario.")]
OverrideOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set a value of the scenario (YAML); may be repeated."),
]
ParametersOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Its table of `scssim parameters`, edited (CSV); --set goes over it."),
]
OutsideOption = Annotated[bool, typer.Option("--allow-outside", help="Let the scenario name files outside its folder.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, metavar="W", help="Processes [as many as there are processors].")
]
SchedulerOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Let the workers of a Dask scheduler do it (tcp://HOST:8786).")
]
RestartOption = Annotated[bool, typer.Option("--restart", help="Discard what an unfinished run left in DIR.")]
ExcelOption = Annotated[
    bool, typer.Option("--excel", help="Also write a workbook, results.xlsx, with the decision as formulas.")
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``scssim`` command; ends with `SystemExit`.

    Parameters
    ----------
    arguments
        What follows the program's name; by default what the shell gave.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with guarded():
        app(args=given, prog_name="scssim", obj=shlex.join(["scssim", *given]))


@contextmanager
def guarded() -> Iterator[None]:
    """Turn exceptions into a message on standard error and an exit code."""
    try:
        yield
    except ScssimError as error:
        typer.echo(f"Error: {explain(error)}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt as error:
        typer.echo(f"Interrupted: {error}." if str(error) else "Interrupted.", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except MemoryError:
        typer.echo("Error: the memory does not suffice: fewer patients, draws, strategies or visits", err=True)
        raise SystemExit(2) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            typer.echo(f"Error: cannot write the output: {error.strerror}", err=True)
            raise SystemExit(2) from None
        if _is_sample_error(error):
            typer.echo(f"Error: {error}", err=True)
            raise SystemExit(2) from None
        if os.environ.get("SCSSIM_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        what = " ".join(str(error).split())
        typer.echo(
            f"Internal error: {type(error).__name__}: {what}. This is a defect of scssim; please report it, "
            "with what the same command prints when SCSSIM_DEBUG=1 is set.",
            err=True,
        )
        raise SystemExit(1) from None


def _is_sample_error(error: Exception) -> bool:
    """Whether costs, effects or thresholds cannot be used; `scssim.economics` does not know the errors of scssim."""
    if not isinstance(error, ValueError):
        return False
    from scssim.economics import SampleError

    return isinstance(error, SampleError)


def explain(error: ScssimError) -> str:
    """Say what is wrong: in one line, or with one line per problem."""
    if isinstance(error, ScenarioError) and len(error.problems) > 1:
        return f"{len(error.problems)} problems\n" + "\n".join(f"  - {problem}" for problem in error.problems)
    return str(error)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"scssim {version('scssim')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that stand before any command."""


@app.command()
def run(
    context: typer.Context,
    scenario: ScenarioArgument,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where results go [runs/SCENARIO-SEED].")] = None,
    engine: Annotated[Engine, typer.Option(help="Cohort engine, or discrete events with queues.")] = Engine.cohort,
    patients: Annotated[int | None, typer.Option(min=1, max=10**9, metavar="N", help="Patients (per draw).")] = None,
    draws: Annotated[int | None, typer.Option(min=0, metavar="D", help="Parameter draws.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, metavar="S", help="Seed of every random number.")
    ] = None,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    blocks: Annotated[
        str | None,
        typer.Option(metavar="A:B|K/N", help="Simulate these blocks only, and keep them for `scssim merge`."),
    ] = None,
    restart: RestartOption = False,
    precision: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Go on until the 95 % interval of every incremental net benefit is within X (currency)."
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every event of the first replication to a Parquet file (des)."),
    ] = None,
    histories: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write what happened to every patient to Parquet files.")
    ] = None,
    excel: ExcelOption = False,
    parameters: ParametersOption = None,
    overrides: OverrideOption = None,
    outside: OutsideOption = False,
) -> None:
    """Run a scenario; write tables, figures and a report; print a summary."""
    with guarded():
        import scssim
        from scssim.checkpoint.folder import begun
        from scssim.report.read import told_of
        from scssim.report.summary import print_summary
        from scssim.report.write import PAGE, WORKBOOK

        loaded = scssim.load(scenario, overrides=overrides or None, parameters=parameters, outside=outside)
        chosen = seed if seed is not None else loaded.scenario.settings.seed
        folder = Path("runs") / f"{loaded.name}-{chosen}" if out is None else _place(out)
        options: dict[str, Any] = {
            "patients": patients, "draws": draws, "seed": seed, "engine": engine.value,
            "workers": workers, "scheduler": scheduler, "restart": restart, "progress": True,
            "command": str(context.obj),
        }  # fmt: skip
        if (kept := begun(folder)) is not None and not restart:
            typer.echo(f"{folder} has {kept} of an unfinished run.", err=True)
        if blocks is not None:
            others = {"--precision": precision, "--log": log, "--histories": histories, "--excel": excel or None}
            if given := [name for name, value in others.items() if value is not None]:
                raise ScssimError(f"--blocks: {given[0]} is for a whole run")
            done, of = scssim.run_blocks(loaded, blocks, folder, **options)
            typer.echo(
                f"Blocks {done.start}:{done.stop} of {of:,} are in {folder}; `scssim merge` joins those of a run."
            )
            return
        if excel:
            from scssim.report.workbook import ready, write_workbook

            ready(folder / WORKBOOK)
        if kept is None and (earlier := told_of(folder)) is not None:
            typer.echo(f"Replaces the run in {folder} ({earlier}); --out DIR keeps both.", err=True)
        result = scssim.run(loaded, out=folder, precision=precision, log=log, histories=histories, **options)
        if excel:
            write_workbook(result, folder / WORKBOOK)
        print_summary(result, _console(), folder / PAGE)


@app.command()
def merge(
    context: typer.Context,
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Directories of `scssim run --blocks`.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Where results go.")],
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
    restart: RestartOption = False,
) -> None:
    """Join the blocks of one run that were simulated in several places, and complete the run."""
    with guarded():
        import scssim
        from scssim.report.summary import print_summary
        from scssim.report.write import PAGE

        folder = _place(out)
        result = scssim.merge(
            directories, folder, workers=workers, scheduler=scheduler, restart=restart, progress=True,
            command=str(context.obj),
        )  # fmt: skip
        print_summary(result, _console(), folder / PAGE)


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a run.")],
    excel: ExcelOption = False,
) -> None:
    """Draw the figures and make the report of a run again, from its tables."""
    with guarded():
        from scssim.report.render import render

        if excel:
            from scssim.report.read import read_result
            from scssim.report.workbook import ready, write_workbook
            from scssim.report.write import WORKBOOK

            ready(directory / WORKBOOK)
            write_workbook(read_result(directory)[0], directory / WORKBOOK)
        typer.echo(f"Report: {render(directory)}")


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of a run.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of another run.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write every number to a CSV file.")] = None,
) -> None:
    """Show two runs side by side, with the Monte Carlo error of their differences."""
    with guarded():
        from scssim.files import writing
        from scssim.report import compare as comparison
        from scssim.report.read import read_result
        from scssim.report.write import write_csv

        one, other = (read_result(folder)[0] for folder in (first, second))
        if out is not None:
            with writing(out.parent):
                write_csv(comparison.compare(one, other), out)
        comparison.print_comparison(one, other, (first, second), _console())


@app.command()
def validate(
    scenario: ScenarioArgument,
    parameters: ParametersOption = None,
    overrides: OverrideOption = None,
    outside: OutsideOption = False,
) -> None:
    """Check a scenario without running it; tell mistakes, and what deserves a second look."""
    with guarded():
        import scssim
        from scssim.report.verdict import verdict

        for line in verdict(scssim.load(scenario, overrides=overrides or None, parameters=parameters, outside=outside)):
            typer.echo(line)


@app.command()
def init(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The scenario to write (.yaml).")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME|PATH", help="Copy a shipped scenario, or a file, with its comments."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
) -> None:
    """Write a scenario to start from, and its schema for editors."""
    with guarded():
        from scssim.report.start import start

        for line in start(file, source, force):
            typer.echo(line)


@app.command()
def parameters(
    scenario: ScenarioArgument,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file in place of the screen.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    parameters: ParametersOption = None,
    overrides: OverrideOption = None,
    outside: OutsideOption = False,
) -> None:
    """Write the numbers of a scenario as a table (CSV).

    Edit it in a spreadsheet and give it back with --parameters.
    """
    with guarded():
        import scssim
        from scssim.report.start import table_text, write_table

        loaded = scssim.load(scenario, overrides=overrides or None, parameters=parameters, outside=outside)
        text = table_text(loaded.scenario)
        if out is None:
            typer.echo(text, nl=False)
        else:
            write_table(text, out, force)


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A file, a shipped scenario, or the directory of a run.")],
    b: Annotated[str | None, typer.Argument(metavar="B", help="Another; A with --parameters if left out.")] = None,
    parameters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Table of inputs, edited, that goes over B.")
    ] = None,
    outside: OutsideOption = False,
) -> None:
    """Tell what differs between two scenarios, number by number."""
    with guarded():
        import scssim
        from scssim.report.differences import print_differences

        if b is None and parameters is None:
            raise ScssimError("diff needs two scenarios, or one and --parameters")
        second = a if b is None else b
        table = scssim.diff(a, second, parameters=parameters, outside=outside)
        print_differences(table, a, f"{second} with {parameters}" if parameters else second, _console())


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file in place of the screen.")] = None,
) -> None:
    """Print the JSON Schema of scenario files, for editors."""
    with guarded():
        from scssim.scenario.json_schema import schema_text

        text = schema_text()
        if out is None:
            typer.echo(text, nl=False)
            return
        from scssim.files import replace, writing

        with writing(out.parent):
            replace(out, text.encode())


@app.command()
def cea(
    costs: Annotated[Path, typer.Option(metavar="FILE", help="CSV of costs: strategies in columns, draws in rows.")],
    effects: Annotated[Path, typer.Option(metavar="FILE", help="CSV of effects (QALYs), with the same strategies.")],
    parameters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of parameters, with the same draws; for --evppi.")
    ] = None,
    wtp: Annotated[
        str, typer.Option(metavar="START:STOP:STEP", help="Thresholds per QALY; or some, with commas.")
    ] = "0:50000:500",
    evppi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Value of information on these parameters (quote a name with a comma); may be repeated.",
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="NAME", help="Strategy to compare with [the first of the costs].")
    ] = None,
    population: Annotated[
        float | None, typer.Option(metavar="N", help="Patients per year, for the EVPI of the population.")
    ] = None,
    years: Annotated[float | None, typer.Option(metavar="Y", help="Years that the decision stands.")] = None,
    discount: Annotated[
        float | None, typer.Option(metavar="R", help="Discount rate of the population, 0.035 for 3.5 %.")
    ] = None,
    mark: Annotated[
        list[float] | None,
        typer.Option(metavar="X", help="Threshold that figures mark [where EVPI is highest]; may be repeated."),
    ] = None,
    currency: Annotated[str, typer.Option(metavar="TEXT", help="Unit of costs, for figures.")] = "currency",
    out: Annotated[str, typer.Option(metavar="DIR", help="Where results go.")] = "runs/cea",
) -> None:
    """Analyse a decision from costs and effects by draw; write tables and figures; print a summary."""
    with guarded():
        from scssim.economics import parse_wtp, read_sample
        from scssim.report.cea import analyse, marked, parameter_groups, patients, place, print_analysis, write

        thresholds = parse_wtp(wtp)
        groups = parameter_groups(evppi or (), parameters)
        concerned = patients(population, years, discount)
        folder = _place(out)
        marks = marked(thresholds, mark or ())
        cost, effect, parameter = read_sample(costs, effects, parameters)
        with place(folder):
            tables = analyse(
                cost, effect, thresholds,
                reference=reference, population=concerned, parameters=parameter, groups=groups,
            )  # fmt: skip
            write(tables, cost, effect, folder, marks, currency, reference)
        print_analysis(tables, cost, effect, _console(), folder, marks)


@app.command("list")
def list_() -> None:
    """List the shipped scenarios and what the library holds."""
    with guarded():
        from scssim import library
        from scssim.scenario.merge import shipped
        from scssim.scenario.yamlfile import read_yaml

        titles = {name: str(read_yaml(path).plain().get("title", "")) for name, path in shipped().items()}
        held = library.names()
        sections = {
            "Scenarios (scssim run NAME)": titles,
            "Library fragments (extends: NAME)": held["fragments"],
            "Life tables (population.mortality.life_table)": held["life_tables"],
            "Utility norms (utilities.norms)": held["norms"],
        }
        for i, (heading, entries) in enumerate(sections.items()):
            typer.echo(("\n" if i else "") + heading)
            width = max(map(len, entries), default=0)
            for name, about in entries.items():
                typer.echo(f"  {name:<{width}}  {about}".rstrip())


def _place(out: str) -> Path:
    """The directory for results; an empty name (of a variable that is not set, say) is none."""
    if not out.strip():
        raise ScssimError("--out: the name is empty; give a directory, . for this one")
    return Path(out)


# ------------------------------------------------------------- the terminal


def _console() -> Console:
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # as any other print does; see `guarded`

    return Screen() if sys.stdout.isatty() else Screen(width=100, highlight=False)


if __name__ == "__main__":
    main()
