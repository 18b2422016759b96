"""The one voice in which users' mistakes are told: what, where, got, expected, next step.

`UserError` is for what a user can mend (a wrong file, an unknown name); our own bugs stay ordinary exceptions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend; the command line prints it and exits with 2.

    Parameters
    ----------
    what : str
        One sentence on what is wrong.
    where : object, optional
        The file, archive member, option or array in which it was found.
    got, expected : object, optional
        What was there and what should have been.
    next_step : str, optional
        What to do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.got = got
        self.expected = expected
        self.next_step = next_step
        parts = [("where", where), ("got", got), ("expected", expected), ("next step", next_step)]
        lines = [what] + [f"  {name}: {value}" for name, value in parts if value is not None]
        super().__init__("\n".join(lines))

    def one_line(self) -> str:
        """The same message on one line, for tables such as `skipped.csv`."""
        return "; ".join(line.strip() for line in str(self).splitlines())

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling, and workers hand errors back by pickle.
        state = {"where": self.where, "got": self.got, "expected": self.expected, "next_step": self.next_step}
        return (_rebuild, (type(self), self.what, state))


def _rebuild(kind: type[UserError], what: str, state: dict[str, object]) -> UserError:
    return kind(what, **state)  # type: ignore[arg-type]


def unknown_choice(kind: str, got: str, choices: Iterable[str], *, where: object = None) -> UserError:
    """The message for a name that is not among the known ones, with the nearest known name as the next step."""
    names = sorted(choices)
    near = difflib.get_close_matches(got, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else None
    return UserError(f"unknown {kind}", where=where, got=repr(got), expected=", ".join(names) or "-", next_step=hint)


def missing_extra(module: str, extra: str, purpose: str) -> UserError:
    """The message for an optional package that is not installed."""
    return UserError(
        f"{purpose} needs the package {module!r}, which is not installed",
        next_step=f"pip install 'skelzero[{extra}]'",
    )
