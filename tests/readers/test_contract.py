"""What every registered reader must do."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from packing import pack

from examples import EXAMPLES
from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers import READERS, clips_of, detect, from_bytes, iter_sources, list_sources, read_clips

NAMES = sorted(READERS)
AT_ONCE = [name for name in NAMES if not READERS[name].needs]
"""Readers that need nothing beside this package."""


def test_every_reader_has_an_example() -> None:
    assert set(READERS) == set(EXAMPLES), "add the new reader's builder to tests/readers/examples.py"


@pytest.mark.parametrize("name", NAMES)
def test_facts(name: str) -> None:
    reader = READERS[name]
    assert reader.name == name
    assert reader.title
    assert reader.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.suffixes)
    assert reader.fits_name(EXAMPLES[name]().source.name)


@pytest.mark.parametrize("name", AT_ONCE)
def test_example_becomes_clips(name: str) -> None:
    example = EXAMPLES[name]()
    clips = list(READERS[name].clips(example.source))
    assert all(isinstance(clip, Clip) for clip in clips)
    assert tuple(clip.origin.code for clip in clips) == example.codes
    assert len({clip.origin.name for clip in clips}) == len(clips)
    assert clips[0].frames == example.frames
    for clip in clips:
        assert clip.layout.name == example.layout
        assert clip.origin.dataset == example.dataset == READERS[name].dataset
        assert clip.origin.file == example.source.name
        assert clip.history == example.history
        assert np.isfinite(clip.positions).all()
        assert clip.positions.flags.c_contiguous


@pytest.mark.parametrize("name", NAMES)
def test_content_tells_the_format_whatever_the_name(name: str) -> None:
    source = EXAMPLES[name]().source
    assert detect(source).name == name
    assert detect(from_bytes("unknown", source.data)).name == name
    sure = READERS[name].sniff(source.head(), source.name)
    assert all(READERS[other].sniff(source.head(), source.name) < sure for other in NAMES if other != name)


@pytest.mark.parametrize("name", NAMES)
def test_sniffing_never_raises(name: str) -> None:
    heads = [EXAMPLES[other]().source.head() for other in NAMES] + [b"", b"\n", b"\0" * 50, b"1\n", "ä".encode()]
    for head in heads:
        for length in (0, 1, 7, 50, 130, 500, len(head)):
            assert 0 <= READERS[name].sniff(head[:length], "x" + READERS[name].suffixes[0]) <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"\n", b"hello world\n", b"\0" * 200, b"1 2 3\n" * 30], ids=repr)
def test_other_content_is_a_users_mistake(name: str, data: bytes) -> None:
    source = from_bytes(EXAMPLES[name]().source.name, data)
    with pytest.raises(UserError) as caught:
        list(READERS[name].clips(source))
    assert source.name in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_missing_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        next(read_clips(tmp_path / f"nothing{READERS[name].suffixes[0]}", name))


@pytest.mark.parametrize("name", NAMES)
def test_every_prefix_gives_clips_or_one_mistake(name: str) -> None:
    source = EXAMPLES[name]().source
    for length in range(0, len(source.data), max(1, len(source.data) // 300)):
        try:
            list(READERS[name].clips(from_bytes(source.name, source.data[:length], source.labels)))
        except UserError:
            continue


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.xz", "tar.gz"])
def test_all_formats_out_of_one_collection(kind: str, tmp_path: Path) -> None:
    files: dict[str, bytes] = {"README.txt": b"What lies here.\n"}
    expected: dict[str, Clip] = {}
    for name in AT_ONCE:
        source = EXAMPLES[name]().source
        files[source.name] = source.data
        if source.labels is not None:
            files[source.labels.name] = source.labels.read()
        for clip in READERS[name].clips(source):
            assert isinstance(clip, Clip)
            expected[clip.origin.name] = clip
    path = pack(kind, files, tmp_path)
    listed = list_sources(path)
    found, skipped = {}, []
    for source in iter_sources(path, listed):
        for item in clips_of(pickle.loads(pickle.dumps(source))):  # as a worker gets it
            if isinstance(item, Clip):
                found[item.origin.name] = item
            else:
                skipped.append(item)
    assert [(item.name, item.reason) for item in skipped] == [("README.txt", "no reader")]
    assert found.keys() == expected.keys()
    for name, clip in expected.items():
        np.testing.assert_array_equal(found[name].positions, clip.positions)
        assert found[name].origin == clip.origin
