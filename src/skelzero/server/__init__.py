"""Recognition over HTTP and in a browser: REST, WebSocket and one page; recordings are handled in processes apart.

The process that talks to the network parses no recording and loads no model. Uploads go as bytes to worker processes,
which have a time limit and a memory limit and are killed and started again when they break one.
"""

from skelzero.server.settings import Settings

__all__ = ["Settings"]
