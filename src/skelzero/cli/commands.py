"""Imports every command module so that `app` knows them. The modules import heavy parts only inside their functions."""

from skelzero.cli import (  # noqa: F401
    attributes,
    compare,
    data,
    demo,
    encode,
    evaluate,
    export,
    recognize,
    report,
    reproduce,
    runs,
    serve,
    stream,
    synthetic,
    text,
    train,
)
