"""Class sets: the names and descriptions of a data set's actions, as data files that users may write too."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skelzero.cards import sha256_of
from skelzero.errors import UserError, unknown_choice

KINDS = ("label", "action", "motion")
"""Semantics of a class, in the order in which they are joined."""

MAX_BYTES = 4 << 20


class ActionClass(BaseModel):
    """One class: its code in the data set, its name, what is done, and how the body moves."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
    code: str = Field(min_length=1, max_length=64)
    label: str = Field(min_length=1, max_length=500)
    action: str = Field(default="", max_length=2000)
    motion: str = Field(default="", max_length=2000)

    def text(self, kind: str) -> str:
        """The text of one kind.

        Raises
        ------
        UserError
            An unknown kind, or a class without a text of that kind.
        """
        if kind not in KINDS:
            raise unknown_choice("kind of text", kind, KINDS)
        value: str = getattr(self, kind)
        if not value.strip():
            raise UserError(f"class {self.code!r} ({self.label}) has no {kind} text",
                            next_step=f"write one, or leave {kind!r} out of --semantics")  # fmt: skip
        return value


class ClassSet(BaseModel):
    """The classes of one data set, in the order in which ids count them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=64)
    title: str = ""
    source: str = ""
    classes: tuple[ActionClass, ...] = Field(min_length=1, max_length=100_000)

    @functools.cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(c.code for c in self.classes)

    @functools.cached_property
    def _rows(self) -> dict[str, int]:
        return {code: i for i, code in enumerate(self.codes)}

    def __len__(self) -> int:
        return len(self.classes)

    def index(self, code: str) -> int:
        """Row of a class.

        Raises
        ------
        UserError
            The set has no such class.
        """
        if code not in self._rows:
            expected = f"{self.codes[0]} ... {self.codes[-1]}"
            raise UserError("a class is in no text set", where=f"class set {self.name}", got=code, expected=expected,
                            next_step="add it to a class-set file and name that with --class-set")  # fmt: skip
        return self._rows[code]

    @property
    def sha256(self) -> str:
        """Hash of codes and texts."""
        return sha256_of([self.name, [c.model_dump() for c in self.classes]])


@functools.cache
def class_set_names() -> tuple[str, ...]:
    """Names of the class sets that ship with the package."""
    folder = resources.files("skelzero.text") / "class_sets"
    return tuple(sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")))


def load_class_set(name: str | Path) -> ClassSet:
    """A shipped class set by name, or a user's by the path of its YAML file.

    >>> load_class_set("ntu120").classes[0].label
    'drink water'
    """
    if str(name) in class_set_names():
        return _shipped(str(name))
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise unknown_choice("class set", str(name), [*class_set_names(), "FILE.yaml"])
    if not path.is_file():
        raise UserError("no class-set file", where=path, next_step="check the path")
    if path.stat().st_size > MAX_BYTES:
        raise UserError("class-set file is too large", where=path, got=path.stat().st_size, expected=f"<= {MAX_BYTES}")
    try:
        return parse_class_set(path.read_text(encoding="utf-8"), where=str(path))
    except UnicodeDecodeError as error:
        raise UserError("class-set file is not UTF-8 text", where=path, got=str(error)) from error


@functools.cache
def _shipped(name: str) -> ClassSet:
    path = resources.files("skelzero.text") / "class_sets" / f"{name}.yaml"
    return parse_class_set(path.read_text(encoding="utf-8"), where=name)


def parse_class_set(text: str, *, where: str) -> ClassSet:
    """Read the YAML of a class set and check it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # An alias can make a small file huge when it is expanded; a class set has no use for one.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)):
            raise UserError("class-set file has a YAML alias", where=where, next_step="write the text out")
        found = ClassSet.model_validate(yaml.load(text, Loader=loader))
    except yaml.YAMLError as error:
        raise UserError("class-set file is not YAML", where=where, got=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        got = f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"
        raise UserError("class-set file is not as it should be", where=where, got=got,
                        expected="name, title, source, classes: [code, label, action, motion]") from error  # fmt: skip
    if len(set(found.codes)) < len(found):
        raise UserError("a class code stands twice", where=where, next_step="give every class a code of its own")
    return found


def from_labels(labels: Sequence[str], *, name: str = "words") -> ClassSet:
    """A class set of free words; each word stands for all three kinds of text.

    Raises
    ------
    UserError
        No word, an empty one, or one twice.
    """
    words = [label.strip() for label in labels]
    if not words or not all(words) or len(set(words)) < len(words):
        raise UserError("labels must be different and not empty", got=", ".join(labels) or "nothing",
                        next_step='give them as "walk, wave, jump"')  # fmt: skip
    if max(map(len, words)) > 500:
        raise UserError("a label is too long", got=f"{max(map(len, words))} characters", expected="<= 500")
    return ClassSet(name=name, classes=tuple(ActionClass(code=w[:64], label=w, action=w, motion=w) for w in words))
