"""Class sets: the names and descriptions of a data set's actions, as data files that users may write too.

`verb` and `noun` are the class name taken apart by part of speech, as JPoSE (Wray et al., ICCV 2019) and SynSE (Gupta
et al., ICIP 2021) learn from it. In the shipped sets:

- The verb is in its base form, with the words that change its sense ("take off", "walk apart"); classes that share a
  verb spell it alike. A name without a verb gets the one that is meant ("put up" for "hands up").
- The noun is what is left that carries meaning: thing, body part or direction, without articles; words of direction or
  pace stand behind it ("right arm forward"). Half a noun is made whole ("baseball bat" for "baseball swing"), and a
  name without a noun gets the body part or the thing that the action is about, in one or two words ("legs" for "walk").
- Several verbs or nouns of one name stand with a comma between ("punch, slap"; "paper, scissors").
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from skelzero.cards import sha256_of, sha256_text
from skelzero.errors import UserError, unknown_choice
from skelzero.text.attributes.profiles import Values, read_profile, shipped_profiles

TEXTS = ("label", "action", "motion", "verb", "noun")
WRITTEN, READ = "attributes", "read-attributes"
KINDS = (*TEXTS, WRITTEN, READ)
"""Semantics of a class, in the order in which they are joined: texts, then motion attributes as somebody wrote them (or
as they are read from the texts where nobody did), and as they are read from the texts by a translator that saw no
profile of the class set."""

MAX_BYTES = 4 << 20
MAX_DEPTH = 8
MAX_LABEL = 500
MAX_CODE = 64


class ActionClass(BaseModel):
    """One class: its code in the data set, its name, what is done, how the body moves, and the name's verb and noun.

    `attributes` is its profile, see `text.attributes`: what differs from standing still.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)
    code: str = Field(min_length=1, max_length=MAX_CODE)
    label: str = Field(min_length=1, max_length=MAX_LABEL)
    action: str = Field(default="", max_length=2000)
    motion: str = Field(default="", max_length=2000)
    verb: str = Field(default="", max_length=MAX_LABEL)
    noun: str = Field(default="", max_length=MAX_LABEL)
    attributes: tuple[tuple[str, float | str], ...] | None = Field(default=None, max_length=200)

    @field_validator("attributes", mode="before")
    @classmethod
    def _legal(cls, given: Any) -> Any:
        pairs = tuple(given.items()) if isinstance(given, Mapping) else given
        if pairs is not None:
            try:
                read_profile(dict(pairs))
            except (UserError, TypeError, ValueError) as error:
                raise ValueError(error.one_line() if isinstance(error, UserError) else str(error)) from error
        return pairs

    @property
    def profile(self) -> Values | None:
        """Values of the motion attributes, NaN where unknown; None where nobody wrote any."""
        return None if self.attributes is None else read_profile(dict(self.attributes))

    def text(self, kind: str) -> str:
        """The text of one kind.

        Raises
        ------
        UserError
            An unknown kind, or a class without a text of that kind.
        """
        if kind not in TEXTS:
            raise unknown_choice("kind of text", kind, TEXTS)
        value: str = getattr(self, kind)
        if not value.strip():
            raise UserError(f"class {self.code!r} ({self.label}) has no {kind} text",
                            next_step=f"write {kind!r} in the class set, or leave it out of --semantics")  # fmt: skip
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

    def first(self, count: int) -> ClassSet:
        """The first classes, such as the 60 of NTU RGB+D among the 120 of NTU RGB+D 120."""
        if not 0 < count <= len(self):
            raise UserError(
                "not that many classes", where=f"class set {self.name}", got=count, expected=f"1 to {len(self)}"
            )
        return ClassSet(name=self.name, title=self.title, source=self.source, classes=self.classes[:count])

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

    Parameters
    ----------
    name : str or Path
        `ntu120`, `ntu120:60` (its first 60 classes, which are NTU RGB+D), or `FILE.yaml`.

    Raises
    ------
    UserError
        No such set or file, or a file that is not a class set; the message says where and what was expected.

    Examples
    --------
    >>> load_class_set("ntu120").classes[0].label, len(load_class_set("ntu120:60"))
    ('drink water', 60)
    """
    shipped, _, count = str(name).partition(":")
    if shipped in class_set_names() and (count.isdecimal() or shipped == str(name)):
        return _shipped(shipped).first(int(count)) if count else _shipped(shipped)
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
    found = parse_class_set(path.read_text(encoding="utf-8"), where=name)
    profiles = shipped_profiles(name)
    written = {code: tuple(profile.items()) for code, profile in profiles.items()}
    classes = [c.model_copy(update={"attributes": written.get(c.code, c.attributes)}) for c in found.classes]
    return found.model_copy(update={"classes": tuple(classes)})


def parse_class_set(text: str, *, where: str) -> ClassSet:
    """Read the YAML of a class set and check it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_bombs(text, loader, where)
        found = ClassSet.model_validate(yaml.load(text, Loader=loader))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UserError("class-set file is not as it should be", where=f"{where}, {place}", got=first["msg"],
                        expected="name, title, source, classes: [{code, label, action, motion, verb, noun, attributes}]"
                        ) from error  # fmt: skip
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a date or number that is none
        raise UserError("class-set file is not YAML", where=where, got=" ".join(str(error).split())) from error
    if _repeats(found.codes):
        twice = Counter(found.codes).most_common(1)[0][0]
        raise UserError("a class code stands twice", where=where, got=twice, next_step="give every class its own code")
    return found


def _repeats(codes: Sequence[str]) -> bool:
    return len(set(codes)) < len(codes)


def _refuse_bombs(text: str, loader: type[yaml.SafeLoader], where: str) -> None:
    """Aliases make a small file huge when expanded, deep nesting exhausts the stack; neither has a use here."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise UserError("class-set file has a YAML alias", where=where, next_step="write the text out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UserError("class-set file is nested too deeply", where=where, expected=f"<= {MAX_DEPTH} levels")


def from_labels(labels: Sequence[str], *, name: str = "words") -> ClassSet:
    """A class set of free words; each stands for its label, action and motion text.

    Its first word is taken for the verb and the rest for the noun, and a single word for both. That is a rule of thumb:
    "pick up a coin" becomes "pick" and "up a coin". A class-set file says it better.

    Raises
    ------
    UserError
        No word, an empty one, or one twice.
    """
    words = [" ".join(label.split()) for label in labels]
    if not words or not all(words) or _repeats([word.casefold() for word in words]):
        raise UserError("labels must be different and not empty", got=", ".join(labels) or "nothing",
                        next_step='give them as "walk, wave, jump"')  # fmt: skip
    if max(map(len, words)) > MAX_LABEL:
        raise UserError("a label is too long", got=f"{max(map(len, words))} characters", expected=f"<= {MAX_LABEL}")
    return ClassSet(name=name, classes=tuple(_free(word) for word in words))


def _free(label: str) -> ActionClass:
    verb, _, noun = label.partition(" ")
    return ActionClass(code=_code_of(label), label=label, action=label, motion=label, verb=verb, noun=noun or verb)


def _code_of(label: str) -> str:
    """The label itself, or its beginning with a hash where it is longer than a code may be."""
    return label if len(label) <= MAX_CODE else f"{label[: MAX_CODE - 9]}~{sha256_text(label)[:8]}"
