"""`STORE.partial`: where an import keeps what is done until the store is complete.

It holds a card with a fingerprint of the source and the settings, the finished parts and, at the end, the store itself,
which is then renamed to its place. Killed between any two steps, a second run finds out how far the first one came.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skelzero.cards import CARD, read_json, write_json
from skelzero.clips import ClipStore
from skelzero.errors import UserError

if sys.platform != "win32":
    import fcntl


class ImportFolder:
    """The folder of one unfinished import; `out` is the store that it will become."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".partial")
        self.store = self.folder / "store"

    def part(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}"

    def is_made(self, number: int) -> bool:
        return (self.part(number) / CARD).is_file()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other imports out; a killed process gives the folder back by itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            yield
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise UserError("another import is writing this store", where=self.folder,
                            next_step="wait for it, or give another path") from error  # fmt: skip
        except OSError:
            pass  # some network file systems cannot lock; two imports at once only do each other's work again
        try:
            yield
        finally:
            os.close(handle)

    def begin(self, fingerprint: str) -> None:
        """Go on where an import of the same source stopped, or start anew.

        Raises
        ------
        UserError
            The folder holds something else.
        """
        card = self._card()
        if card is None and any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise UserError("a folder of this name is in the way", where=self.folder, expected="no such folder",
                            next_step="give another path, or move that folder away")  # fmt: skip
        same = card is not None and card["fingerprint"] == fingerprint
        for path in list(self.folder.iterdir()):
            # Hidden folders are what a kill left half-written.
            if not same or path.name.startswith("."):
                _remove(path)
        if not same:
            try:
                write_json(self.folder / CARD, {"fingerprint": fingerprint})
            except OSError:
                self.folder.rmdir()
                raise

    def _card(self) -> dict[str, Any] | None:
        if not (self.folder / CARD).is_file():
            return None
        value = read_json(self.folder / CARD, what="unfinished import")
        if not isinstance(value, dict) or "fingerprint" not in value:
            raise UserError("a folder of this name is in the way", where=self.folder,
                            next_step="give another path, or move that folder away")  # fmt: skip
        return value

    def mark_done(self, facts: dict[str, object]) -> None:
        """Note that `store` is complete."""
        card = self._card()
        assert card is not None
        write_json(self.folder / CARD, {**card, "done": facts})

    def done(self, fingerprint: str) -> dict[str, Any] | None:
        """The facts of `mark_done`, when the import of this source came so far and its store is still there."""
        card = self._card()
        facts = card.get("done") if card is not None and card["fingerprint"] == fingerprint else None
        if facts is None:
            return None
        if self.store.exists():
            return facts
        # The store had already been renamed when the process was killed.
        with contextlib.suppress(UserError):
            if ClipStore.open(self.out).checksum == facts["checksum"]:
                return facts
        return None

    def publish(self) -> None:
        """Rename the complete store to its place; what was there goes."""
        if not self.store.exists():
            return
        if self.out.exists():
            self.out.replace(self.folder / "replaced")
        self.store.replace(self.out)

    def clear(self) -> None:
        """Remove the folder, the card last: until then a second run knows what became of the first."""
        for path in list(self.folder.iterdir()):
            if path.name != CARD:
                _remove(path)
        (self.folder / CARD).unlink(missing_ok=True)
        self.folder.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
