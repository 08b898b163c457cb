"""The line protocol between a peer and the Go test.

One JSON object a line, commands on stdin, events on stdout, payloads in
base64. doc.go in the folder above lists them. What ought to happen is known
to the Go test only.
"""

import asyncio
import base64
import json
import sys

from websockets.exceptions import ConnectionClosed

LINE_LIMIT = 16 << 20  # bytes of one command


def encode(data):
    return base64.b64encode(data).decode()


def decode(text):
    return base64.b64decode(text or "")


def emit(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def extensions(factory, deflate):
    """The argument of that name for connect and serve, from what a command
    asks for. A field that is not there stays unset, False is None."""
    if deflate is None:  # an empty one leaves all unset
        return None
    names = {
        "serverNoContext": "server_no_context_takeover",
        "clientNoContext": "client_no_context_takeover",
        "serverBits": "server_max_window_bits",
        "clientBits": "client_max_window_bits",
    }
    values = {names[k]: None if v is False else v for k, v in deflate.items()}
    return [factory(**values)]


def deflated(ws, local, remote):
    """What this end goes by, None without compression; local and remote are
    "server" and "client" in the order that fits the role."""
    for e in ws.protocol.extensions:
        return {
            local + "NoContext": e.local_no_context_takeover,
            remote + "NoContext": e.remote_no_context_takeover,
            local + "Bits": e.local_max_window_bits,
            remote + "Bits": e.remote_max_window_bits,
        }


async def watch(ws, echo=False):
    """Reports what arrives on an open connection, or sends it back, and
    reports the connection's end."""
    try:
        while True:
            data = await ws.recv()
            if echo:
                await ws.send(data)
            elif isinstance(data, str):
                emit("message", type="text", data=encode(data.encode()))
            else:
                emit("message", type="binary", data=encode(data))
    except ConnectionClosed:
        emit("close", code=ws.close_code, reason=ws.close_reason or "")


class Verbs:
    """The commands that act on the open connection, self.ws."""

    ws = None
    tasks = set()  # asyncio itself keeps only weak references

    def background(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def send(self, type, parts, pings=()):
        async def fragments():
            for i, part in enumerate(parts):
                if 0 < i <= len(pings):
                    await self.ping(pings[i - 1])
                yield decode(part)

        message = decode(parts[0]) if len(parts) == 1 else fragments()
        await self.ws.send(message, text=type == "text")

    async def offer(self, **message):
        try:
            await self.send(**message)
        except ConnectionClosed:
            pass  # watch tells

    async def ping(self, data=None):
        payload = decode(data)
        waiter = await self.ws.ping(payload)

        async def pong():
            try:
                await waiter
                emit("pong", data=encode(payload))
            except ConnectionClosed:
                pass

        self.background(pong())

    async def close(self, code=1000, reason=""):
        await self.ws.close(code, reason)

    async def drop(self):
        self.ws.transport.abort()


async def obey(verbs):
    """Runs the commands one after another until stdin ends."""
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        command = json.loads(line)
        name = command.pop("cmd")
        try:
            await getattr(verbs, name)(**command)
        except Exception as err:
            emit("failed", message=f"{name}: {err!r}")
