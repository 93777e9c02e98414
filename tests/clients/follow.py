"""Follows a batch to its end with Debian's `websockets`, checks that nothing is missing, and prints
how many events it had: follow.py SERVER TOKEN BATCH"""
import asyncio
import json
import sys

import websockets


async def follow(server, token, batch):
    url = server.replace("http", "ws", 1) + "/v1/events"
    headers = {"Authorization": "Bearer " + token}
    async with websockets.connect(url, subprotocols=["darkroom.v1"], extra_headers=headers) as socket:
        assert socket.subprotocol == "darkroom.v1"
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "batch": batch, "after": 0}))
        last = count = 0
        async for text in socket:
            message = json.loads(text)
            assert message["op"] != "error", message
            for event in message.get("events", []):
                if "volatile" in event:
                    continue
                assert event["prev"] == last, (event, last)
                last = event["seq"]
                count += 1
                if event["type"] == "batch_finished":
                    return count


print(asyncio.run(asyncio.wait_for(follow(*sys.argv[1:]), 120)))
