"""The chat service on Python's grpcio. It knows nothing of sidecars: python3 server.py PORT"""
import asyncio
import sys

import grpc
import chat_pb2
import chat_pb2_grpc

STALL_SECONDS = 0.6
CODES = {code.value[0]: code for code in grpc.StatusCode}
fates = {}


class Fate:
    """What becomes of a call, for whoever asks by its id."""

    def __init__(self, name, context):
        remaining = context.time_remaining()
        self.report = chat_pb2.Report(state='running', remaining_ms=0 if remaining is None else max(0, int(remaining * 1000)))
        fates[name] = self.report

    def __enter__(self):
        return self.report

    def __exit__(self, kind, *_):
        self.report.state = 'cancelled' if kind is asyncio.CancelledError else 'ended'


def back(context, prefix):
    return [(prefix + key[2:], value) for key, value in context.invocation_metadata()
            if key.startswith('x-') and not key.startswith('x-forwarded')]


async def fail(context, failure):
    trailers = [('t-reason', 'asked for'), ('t-reason-bin', b'\x00\x01\xfe\xff')]
    if failure.details:
        trailers.append(('grpc-status-details-bin', failure.details))
    await context.abort(CODES[failure.code], failure.message, tuple(trailers))


class Chat(chat_pb2_grpc.ChatServicer):
    async def Echo(self, request, context):
        await context.send_initial_metadata(back(context, 'x-'))
        context.set_trailing_metadata(back(context, 't-'))
        return request

    async def Upload(self, request_iterator, context):
        summary = chat_pb2.Summary()
        async for note in request_iterator:
            summary.notes += 1
            summary.bytes += len(note.data)
        return summary

    async def Tick(self, request, context):
        data = bytes(request.bytes)
        with Fate(request.id, context) as fate:
            for number in range(request.count):
                await context.write(chat_pb2.Note(number=number, data=data))
                fate.sent += 1
                if request.pause_ms > 0:
                    await asyncio.sleep(request.pause_ms / 1000)

    async def Talk(self, request_iterator, context):
        async for note in request_iterator:
            note.text = f're: {note.text}'
            await context.write(note)
        await context.write(chat_pb2.Note(text='bye'))

    async def Fail(self, request, context):
        await fail(context, request)

    async def FailLater(self, request, context):
        for number in range(request.after):
            await context.write(chat_pb2.Note(number=number))
        await fail(context, request)

    async def Wait(self, request, context):
        with Fate(request.text, context):
            await asyncio.Event().wait()

    async def Stall(self, request_iterator, context):
        summary = chat_pb2.Summary()
        async for note in request_iterator:
            summary.notes += 1
            summary.bytes += len(note.data)
            if summary.notes == 1:
                await asyncio.sleep(STALL_SECONDS)
        return summary

    async def Fate(self, request, context):
        return fates.get(request.text, chat_pb2.Report())


async def main(port):
    server = grpc.aio.server()
    chat_pb2_grpc.add_ChatServicer_to_server(Chat(), server)
    server.add_insecure_port(f'127.0.0.1:{port}')
    await server.start()
    print('serving', flush=True)
    await server.wait_for_termination()


if __name__ == '__main__':
    asyncio.run(main(sys.argv[1]))
