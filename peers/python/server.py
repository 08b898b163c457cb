"""A server made of the websockets package.

It serves one connection at a time: the commands act on the newest.
"""

import asyncio
import ssl

from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from lines import Verbs, deflated, emit, extensions, obey, watch


class Server(Verbs):
    servers = []

    async def listen(
        self, protocols=None, cert=None, key=None, max=None, deflate=None, echo=False
    ):
        async def session(ws):
            self.ws = ws
            emit(
                "open",
                protocol=ws.subprotocol or "",
                deflate=deflated(ws, "server", "client"),
            )
            await watch(ws, echo)

        context = None
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
        server = await serve(
            session,
            "127.0.0.1",
            0,
            subprotocols=protocols or None,
            # The first of ours that was offered, or none, as ws does; the
            # package's own rule refuses a client that offers no match.
            select_subprotocol=lambda ws, offered: next(
                (p for p in protocols or () if p in offered), None
            ),
            compression=None,
            extensions=extensions(ServerPerMessageDeflateFactory, deflate),
            ssl=context,
            max_size=max,
            ping_interval=None,
        )
        self.servers.append(server)
        emit("listening", port=server.sockets[0].getsockname()[1])


asyncio.run(obey(Server()))
