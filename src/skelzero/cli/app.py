"""The `skelzero` program: collects the commands and gives every error one voice and one exit code.

Exit codes: 0 done; 2 a user's mistake (one message, nothing half-written); 1 a run that failed; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import typer

from skelzero import __version__
from skelzero.cli import console
from skelzero.errors import UserError

# Typer brings its own copy of click in newer versions and uses the installed one in older ones.
CommandLineError: type[Exception] = next(k for k in typer.BadParameter.__mro__ if k.__name__ == "ClickException")

app = typer.Typer(
    name="skelzero",
    help="Zero-shot recognition of human actions from skeletons.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"skelzero {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks. Goes before the command."),
) -> None:
    """Zero-shot recognition of human actions from skeletons."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the return value is the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    # `--debug` belongs to the program, but people add it to the end of the line that failed.
    arguments = [a for a in arguments if a != "--debug"]
    try:
        result = app(args=arguments, prog_name="skelzero", standalone_mode=False)
        if result == 130:  # newer versions of Typer turn Ctrl-C into this code
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except typer.Exit as error:
        return error.exit_code
    except (UserError, CommandLineError) as error:
        if debug:
            raise
        text = getattr(error, "format_message", error.__str__)()
        console.complain(text)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        console.complain("stopped; run the same command again to go on where it stopped")
        return 130
    except OSError as error:
        if debug:
            raise
        console.complain(_explain_os_error(error))
        return 2
    except Exception as error:
        if debug:
            raise
        console.complain(f"failed: {type(error).__name__}: {error}\n  next step: run again with --debug and report it")
        return 1


def _explain_os_error(error: OSError) -> str:
    hints = {
        errno.ENOSPC: "free some space or write elsewhere",
        errno.EACCES: "check the permissions or write elsewhere",
        errno.EROFS: "this file system is read-only; write elsewhere",
    }
    text = f"{error.strerror or error}\n  where: {error.filename or '-'}"
    hint = hints.get(error.errno or 0)
    return f"{text}\n  next step: {hint}" if hint else text


# Each command module adds itself to `app`; imported last because they import `app`.
from skelzero.cli import commands  # noqa: E402, F401
