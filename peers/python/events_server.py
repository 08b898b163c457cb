"""A server of event streams made of the sse-starlette package.

It serves one stream at a time: the commands act on the newest.
"""

import asyncio
import socket

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.routing import Route

from lines import decode, emit, obey


class Server:
    queue = None

    async def listen(self, retry):
        async def events(request):
            queue = self.queue = asyncio.Queue()

            async def stream():
                yield ServerSentEvent(retry=retry)
                while (event := await queue.get()) is not None:
                    yield event

            emit("open", id=request.headers.get("last-event-id", ""), type=request.method)
            return EventSourceResponse(stream())

        listener = socket.create_server(("127.0.0.1", 0))
        app = Starlette(routes=[Route("/", events, methods=["GET", "POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self.task = asyncio.create_task(server.serve(sockets=[listener]))
        emit("listening", port=listener.getsockname()[1])

    async def push(self, type, id, data):
        await self.queue.put(ServerSentEvent(decode(data).decode(), event=type, id=id))

    async def end(self):
        await self.queue.put(None)


asyncio.run(obey(Server()))
