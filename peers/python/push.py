"""Web Push: the coding of PyPI's http_ece, and pywebpush as a sender."""

import asyncio
import base64

import http_ece
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from pywebpush import WebPushException, webpush

from lines import decode, emit, encode, obey


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Push:
    async def encrypt(self, p256dh, auth, data):
        private = ec.generate_private_key(ec.SECP256R1())
        body = http_ece.encrypt(
            decode(data), private_key=private, dh=octets(p256dh), auth_secret=octets(auth)
        )
        emit("encrypted", data=encode(body))

    async def decrypt(self, secret, p256dh, auth, data):
        private = ec.derive_private_key(int.from_bytes(octets(secret), "big"), ec.SECP256R1())
        plain = http_ece.decrypt(decode(data), private_key=private, auth_secret=octets(auth))
        emit("decrypted", data=encode(plain))

    async def send(self, subscription, key, subject, data, ttl, urgency, topic, ca):
        session = requests.Session()
        session.trust_env = False
        session.verify = ca
        try:
            res = webpush(
                subscription,
                decode(data),
                vapid_private_key=key["private"],
                vapid_claims={"sub": subject},
                ttl=ttl,
                headers={"urgency": urgency, "topic": topic},
                requests_session=session,
                timeout=10,
            )
        except WebPushException as err:
            res = err.response
        emit("sent", code=res.status_code, message=res.text)


asyncio.run(obey(Push()))
