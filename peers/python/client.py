"""A client made of the websockets package."""

import asyncio
import ssl

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from lines import Verbs, emit, obey, watch


class Client(Verbs):
    async def connect(self, url, protocols=None, ca=None, max=None, headers=None):
        try:
            self.ws = await connect(
                url,
                subprotocols=protocols or None,
                compression=None,
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
        emit("open", protocol=self.ws.subprotocol or "")
        self.background(watch(self.ws))


asyncio.run(obey(Client()))
