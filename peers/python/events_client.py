"""A client of event streams made of the httpx-sse package."""

import asyncio

import httpx
from httpx_sse import aconnect_sse

from lines import emit, encode, obey


class Client:
    async def parse(self, url):
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            async with aconnect_sse(client, "GET", url) as source:
                emit("open", code=source.response.status_code)
                async for sse in source.aiter_sse():
                    if sse.retry is not None and not sse.data:
                        emit("retry", code=sse.retry)
                        continue
                    emit("sse", type=sse.event, id=sse.id, data=encode(sse.data.encode()))
        emit("end")


asyncio.run(obey(Client()))
