"""The app that calls: posts three orders to the app "orders" by its id. Python's standard library only."""
import json
import os
import urllib.request

SIDECAR = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}"

for number, item in enumerate(["book", "lamp", "chair"], start=1):
    order = {"id": number, "item": item, "count": number}
    request = urllib.request.Request(
        f"{SIDECAR}/v1.0/invoke/orders/method/orders",
        data=json.dumps(order).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        print(f"order {number}: {response.status} {response.read().decode()}", flush=True)
