"""Joins the chat room, says three lines and listens: through the sidecar whose port is in DAPR_GRPC_PORT."""
import os
import queue

import grpc
import chat_pb2
import chat_pb2_grpc

# All that a sidecar changes for a gRPC client: the port it dials, and whom it wants to talk to.
channel = grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}")
metadata = [('dapr-app-id', 'chat')]

chat = chat_pb2_grpc.ChatStub(channel)
says = queue.Queue()


def say(text):
    says.put(chat_pb2.Line(name='ada', text=text))


lines = chat.Join(iter(says.get, None), metadata=metadata)
for text in ['hello', 'is anybody here?', 'bye']:
    say(text)
    heard = next(lines)  # while our side of the call is still open
    print(f'heard {heard.name}: {heard.text}', flush=True)
says.put(None)
assert list(lines) == []

answer = chat.History(chat_pb2.HistoryRequest(), metadata=metadata)
print(f'the room has heard {len(answer.lines)} lines', flush=True)
