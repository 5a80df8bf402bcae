"""The chat client on Python's grpcio: python3 client.py ADDRESS METADATA-AS-JSON [CASE…]. Prints a line for each case."""
import asyncio
import itertools
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import chat_pb2
import chat_pb2_grpc

ADDRESS, GIVEN, *WANTED = sys.argv[1:]
METADATA = list(json.loads(GIVEN).items())
LIMIT = 4 * 1024 * 1024
OVERHEAD = 5  # tag and length of Note.data at that size

channel = grpc.insecure_channel(ADDRESS)
chat = chat_pb2_grpc.ChatStub(channel)
count = itertools.count()


def equal(actual, expected):
    assert actual == expected, f'{actual!r} instead of {expected!r}'


def note(number, size=0):
    return chat_pb2.Note(text=f'note {number}', number=number, data=bytes(size))


def unique(name):
    return f'{name}-{os.getpid()}-{next(count)}'


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError('the call succeeded')


def fate(name, state):
    for _ in range(100):
        report = chat.Fate(chat_pb2.Note(text=name), metadata=METADATA, timeout=5)
        if report.state == state:
            return report
        time.sleep(0.02)
    raise AssertionError(f'the server has not seen {name} as {state}')


def values(metadata, name):
    return [value for key, value in metadata if key == name]


def unary():
    data = bytes([0, 1, 2, 127, 128, 255])
    request = chat_pb2.Note(text='ä€', data=data, number=-7)
    answer, call = chat.Echo.with_call(request, metadata=METADATA + [('x-text', 'a b'), ('x-data-bin', data)])
    equal(answer, request)
    equal(values(call.initial_metadata(), 'x-text'), ['a b'])
    equal(values(call.initial_metadata(), 'x-data-bin'), [data])
    equal(values(call.trailing_metadata(), 't-text'), ['a b'])
    equal(values(call.trailing_metadata(), 't-data-bin'), [data])


def many_unary():
    with ThreadPoolExecutor(32) as pool:
        for i, answer in enumerate(pool.map(lambda i: chat.Echo(note(i, i * 10), metadata=METADATA), range(300))):
            equal(answer.number, i)


def empty_message():
    equal(chat.Echo(chat_pb2.Note(), metadata=METADATA), chat_pb2.Note())


def gzip_message():
    data = b'x' * 100000
    equal(chat.Echo(chat_pb2.Note(data=data), metadata=METADATA, compression=grpc.Compression.Gzip).data, data)


def client_stream():
    summary = chat.Upload((note(i, 4000) for i in range(500)), metadata=METADATA)
    equal((summary.notes, summary.bytes), (500, 2000000))


def server_stream():
    notes = chat.Tick(chat_pb2.Ticks(id=unique('tick'), count=500, bytes=3000), metadata=METADATA)
    equal([n.number for n in notes], list(range(500)))


def slow_ticker():
    started = time.monotonic()
    times = [time.monotonic() - started for _ in chat.Tick(chat_pb2.Ticks(id=unique('slow'), count=4, pause_ms=100), metadata=METADATA)]
    assert times[0] < times[3] - 0.2, f'notes come when they are sent, not together: {times}'


def bidirectional():
    answered = threading.Semaphore(1)

    def asks():
        for i in range(100):
            assert answered.acquire(timeout=5)
            yield note(i)
        assert answered.acquire(timeout=5)

    texts = []
    for answer in chat.Talk(asks(), metadata=METADATA):
        texts.append(answer.text)
        answered.release()
    equal(texts, [f're: note {i}' for i in range(100)] + ['bye'])


def every_status():
    for code in range(1, 17):
        error = refused(lambda: chat.Fail(chat_pb2.Failure(code=code, message=f'status {code}'), metadata=METADATA))
        equal((error.code().value[0], error.details()), (code, f'status {code}'))


def status_with_details():
    message = 'näht: 100 % ✓'
    # google.rpc.Status { code = 1, message = 2, details = 3 { type_url = 1, value = 2 } }
    text = message.encode()
    details = bytes([8, 9, 18, len(text), *text, 26, 9, 10, 4, 116, 47, 97, 98, 18, 1, 255])
    failure = chat_pb2.Failure(code=9, message=message, details=details, after=3)
    for error in (refused(lambda: chat.Fail(failure, metadata=METADATA)), refused(lambda: list(chat.FailLater(failure, metadata=METADATA)))):
        equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        equal(error.details(), failure.message)
        equal(values(error.trailing_metadata(), 't-reason'), ['asked for'])
        equal(values(error.trailing_metadata(), 't-reason-bin'), [b'\x00\x01\xfe\xff'])
        equal(values(error.trailing_metadata(), 'grpc-status-details-bin'), [details])


def unknown_method():
    error = refused(lambda: channel.unary_unary('/chat.v1.Chat/Nothing')(b'', metadata=METADATA))
    equal(error.code(), grpc.StatusCode.UNIMPLEMENTED)


def assert_deadline(error):
    # A server on grpc-go resets the stream at the deadline (recorded of daprd too): CANCELLED where the client's own timer is a moment late.
    assert error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED), error.code()


def deadline():
    name = unique('deadline')
    started = time.monotonic()
    error = refused(lambda: chat.Wait(chat_pb2.Note(text=name), metadata=METADATA, timeout=0.3))
    assert_deadline(error)
    assert time.monotonic() - started < 1.5, 'the client is told in time'
    remaining = fate(name, 'cancelled').remaining_ms
    assert 0 < remaining <= 310, f'the server had {remaining} ms'


def deadline_on_a_stream():
    name = unique('stream-deadline')
    error = refused(lambda: list(chat.Tick(chat_pb2.Ticks(id=name, count=1000, pause_ms=20), metadata=METADATA, timeout=0.3)))
    assert_deadline(error)
    fate(name, 'cancelled')


def cancellation():
    waiting = unique('cancel')
    call = chat.Wait.future(chat_pb2.Note(text=waiting), metadata=METADATA)
    fate(waiting, 'running')
    call.cancel()
    fate(waiting, 'cancelled')
    ticking = unique('cancel-tick')
    notes = chat.Tick(chat_pb2.Ticks(id=ticking, count=100000, pause_ms=5), metadata=METADATA)
    next(notes)
    notes.cancel()
    fate(ticking, 'cancelled')


def slow_reader_slows_the_writer():
    name = unique('flood')
    notes = chat.Tick(chat_pb2.Ticks(id=name, count=4096, bytes=16384), metadata=METADATA)
    next(notes)
    time.sleep(0.5)
    sent = fate(name, 'running').sent
    assert sent < 1024, f'{sent} of 4096 notes had left the server'
    equal(sum(1 for _ in notes), 4095)


def slow_server_slows_the_client():
    written = 0

    def flood():
        nonlocal written
        for i in range(2048):
            yield note(0, 16384)
            written += 1

    call = chat.Stall.future(flood(), metadata=METADATA)
    time.sleep(0.4)
    assert written < 1024, f'{written} of 2048 notes had left the client'
    summary = call.result(timeout=8)
    equal((summary.notes, summary.bytes), (2048, 2048 * 16384))


def message_at_the_limit():
    # With every field set the message is as long in both directions: grpc-js writes empty fields too.
    request = chat_pb2.Note(text='x', data=bytes(LIMIT - OVERHEAD - 5), number=1)
    equal(len(request.SerializeToString()), LIMIT)
    equal(chat.Echo(request, metadata=METADATA), request)


def message_over_the_limit():
    error = refused(lambda: chat.Echo(chat_pb2.Note(data=bytes(LIMIT - OVERHEAD + 1)), metadata=METADATA))
    equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(chat.Echo(note(1), metadata=METADATA).number, 1)
    return error.details()


async def talk_all():
    async with grpc.aio.insecure_channel(ADDRESS) as wide:
        stub = chat_pb2_grpc.ChatStub(wide)
        calls = [stub.Talk(metadata=METADATA) for _ in range(1000)]
        await asyncio.gather(*(call.write(note(i)) for i, call in enumerate(calls)))
        for i, answer in enumerate(await asyncio.gather(*(call.read() for call in calls))):
            equal(answer.number, i)
        await asyncio.gather(*(call.done_writing() for call in calls))
        for answer in await asyncio.gather(*(call.read() for call in calls)):
            equal(answer.text, 'bye')
        for answer in await asyncio.gather(*(call.read() for call in calls)):
            equal(answer, grpc.aio.EOF)


def a_thousand_streams():
    asyncio.run(talk_all())


CASES = [unary, many_unary, empty_message, gzip_message, client_stream, server_stream, slow_ticker, bidirectional, every_status,
         status_with_details, unknown_method, deadline, deadline_on_a_stream, cancellation, slow_reader_slows_the_writer,
         slow_server_slows_the_client, message_at_the_limit, message_over_the_limit, a_thousand_streams]


def run(case):
    """In a thread of its own: one that hangs does not keep the others from their turn."""
    outcome = ['FAILED took longer than 10 s']

    def body():
        try:
            info = case()
            outcome[0] = 'ok' if info is None else f'ok {info}'
        except Exception as error:  # every failure is a line
            outcome[0] = f'FAILED {type(error).__name__} ' + ' | '.join(str(error).split('\n'))

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(10)
    return outcome[0]


if __name__ == '__main__':
    for case in CASES:
        name = case.__name__.replace('_', ' ')
        if not WANTED or name in WANTED:
            print(f'{name}: {run(case)}', flush=True)
    os._exit(0)
