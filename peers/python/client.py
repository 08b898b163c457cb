"""A client made of the websockets package."""

import asyncio
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from lines import Verbs, deflated, emit, extensions, obey, watch


class Client(Verbs):
    async def connect(
        self, url, protocols=None, ca=None, max=None, headers=None, deflate=None, echo=False
    ):
        try:
            self.ws = await connect(
                url,
                subprotocols=protocols or None,
                compression=None,
                extensions=extensions(ClientPerMessageDeflateFactory, deflate),
                ssl=ssl.create_default_context(cafile=ca) if ca else None,
                max_size=max,
                additional_headers=headers,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as err:
            emit("refused", code=err.response.status_code)
            return
        except Exception as err:
            emit("refused", message=repr(err))
            return
        emit(
            "open",
            protocol=self.ws.subprotocol or "",
            deflate=deflated(self.ws, "client", "server"),
        )
        self.background(watch(self.ws, echo))


asyncio.run(obey(Client()))
