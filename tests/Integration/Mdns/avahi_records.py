"""Publishes Dapr's records through avahi: avahi_records.py ID ADDR PORT; prints "ready", ends with its input.

avahi-publish cannot do it: it wants a service type like _x._tcp, and Dapr's type is the app id. The library under it takes any record.
"""
import ctypes
import socket
import sys
import threading

POINTER = ctypes.c_void_p
CALLBACK = ctypes.CFUNCTYPE(None, POINTER, ctypes.c_int, POINTER)
ANY_INTERFACE = ANY_PROTOCOL = -1
INTERNET = 1

client_library = ctypes.CDLL("libavahi-client.so.3")
common_library = ctypes.CDLL("libavahi-common.so.3")
common_library.avahi_simple_poll_new.restype = POINTER
common_library.avahi_simple_poll_get.restype = POINTER
common_library.avahi_simple_poll_get.argtypes = [POINTER]
common_library.avahi_simple_poll_iterate.argtypes = [POINTER, ctypes.c_int]
client_library.avahi_client_new.restype = POINTER
client_library.avahi_client_new.argtypes = [POINTER, ctypes.c_int, CALLBACK, POINTER, ctypes.POINTER(ctypes.c_int)]
client_library.avahi_entry_group_new.restype = POINTER
client_library.avahi_entry_group_new.argtypes = [POINTER, CALLBACK, POINTER]
client_library.avahi_entry_group_commit.argtypes = [POINTER]
client_library.avahi_entry_group_add_record.argtypes = [
    POINTER, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint16, ctypes.c_uint16, ctypes.c_uint32,
    ctypes.c_char_p, ctypes.c_size_t]


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def main(app_id, address, port):
    nothing = CALLBACK(lambda *_: None)
    poll = common_library.avahi_simple_poll_new()
    error = ctypes.c_int()
    client = client_library.avahi_client_new(common_library.avahi_simple_poll_get(poll), 0, nothing, None, ctypes.byref(error))
    if not client:
        sys.exit(f"avahi: error {error.value}")
    group = client_library.avahi_entry_group_new(client, nothing, None)
    service, instance, host = f"{app_id}.local", f"avahi1.{app_id}.local", "avahisidecar.local"
    for name, kind, ttl, data in [
            (service, 12, 3200, wire(instance)),
            (instance, 33, 3200, bytes(4) + int(port).to_bytes(2, "big") + wire(host)),
            (instance, 16, 3200, bytes([len(app_id)]) + app_id.encode()),
            (host, 1, 120, socket.inet_aton(address))]:
        result = client_library.avahi_entry_group_add_record(
            group, ANY_INTERFACE, ANY_PROTOCOL, 0, name.encode(), INTERNET, kind, ttl, data, len(data))
        if result != 0:
            sys.exit(f"avahi refused {name}: error {result}")
    if client_library.avahi_entry_group_commit(group) != 0:
        sys.exit("avahi refused the group")
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), common_library.avahi_simple_poll_quit(POINTER(poll))), daemon=True).start()
    while common_library.avahi_simple_poll_iterate(poll, 100) == 0:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
