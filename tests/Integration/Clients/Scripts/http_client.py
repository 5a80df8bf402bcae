"""Python's http.client: keep-alive, chunked upload, statuses. Prints "ok", or fails."""

import http.client
import sys
import threading

port, app_id = int(sys.argv[1]), sys.argv[2]
prefix = f"/v1.0/invoke/{app_id}/method"


def connect():
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)


def call(connection, method, path, body=None, headers={}, **more):
    connection.request(method, path, body=body, headers=headers, **more)
    response = connection.getresponse()
    return response, response.read()


def keep_alive():
    connection = connect()
    call(connection, "GET", f"{prefix}/echo")
    socket = connection.sock
    for i in range(100):
        response, body = call(connection, "POST", f"{prefix}/echo?n={i}", b"x" * i, {"Content-Type": "text/plain"})
        assert response.status == 200 and body == b"x" * i, (response.status, body)
        assert response.getheader("x-target") == f"/echo?n={i}"
        assert connection.sock is socket, "the connection was closed"


def every_form():
    connection = connect()
    _, body = call(connection, "POST", "/echo", b"header", {"dapr-app-id": app_id})
    assert body == b"header"
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        response, body = call(connection, method, f"{prefix}/echo", b"b")
        assert (response.status, body, response.getheader("x-method")) == (200, b"b", method)


def chunked():
    connection = connect()
    pieces = [bytes([i % 256]) * (i * 7) for i in range(300)]
    response, body = call(connection, "POST", f"{prefix}/echo", iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert response.status == 200 and body == b"".join(pieces)


def statuses():
    connection = connect()
    for code in (204, 304, 400, 404, 500, 503):
        response, _ = call(connection, "GET", f"{prefix}/status?code={code}")
        assert response.status == code, (code, response.status)
    response, body = call(connection, "HEAD", f"{prefix}/echo")
    assert (response.status, body) == (200, b"")


def in_threads():
    failures = []

    def run(seed):
        try:
            connection = connect()
            for i in range(25):
                sent = bytes([seed]) * (i * 1000)
                _, body = call(connection, "POST", f"{prefix}/echo", sent)
                assert body == sent
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


for test in (keep_alive, every_form, chunked, statuses, in_threads):
    test()
print("ok")
